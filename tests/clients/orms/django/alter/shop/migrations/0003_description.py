from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_analytics")]
    operations = [migrations.AddField("Product", "description", models.TextField(null=True))]
