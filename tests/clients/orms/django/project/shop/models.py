from django.db import models


class Product(models.Model):
    name = models.TextField(unique=True)
    price_cents = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "Product"


class Tag(models.Model):
    product = models.ForeignKey(Product, models.CASCADE, related_name="tags")
    label = models.TextField()

    class Meta:
        db_table = "Tag"


class Order(models.Model):
    product = models.ForeignKey(Product, models.PROTECT, related_name="orders")
    quantity = models.IntegerField(default=1)
    ordered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "Order"


class AgentRun(models.Model):
    product = models.ForeignKey(Product, models.SET_NULL, null=True, related_name="agent_runs")
    prompt = models.TextField()
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "AgentRun"
