"""The ordinary work of an application: each line that it prints is the same with and without pgwarden.
With the argument "empty": how Django empties a table."""

import io
import json
import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Count, F, Prefetch, Sum  # noqa: E402

from shop.models import AgentRun, Order, Product, Tag  # noqa: E402


class Refused(Exception):
    pass


def show(what, value):
    print(what, json.dumps(value, default=str))


def output_of(command, *arguments):
    output = io.StringIO()
    call_command(command, *arguments, stdout=output, no_color=True)
    return output.getvalue().splitlines()


def deletion_that_is_taken_back(label):
    try:
        with transaction.atomic():
            Tag.objects.filter(label=label).delete()
            raise Refused
    except Refused:
        return Tag.objects.filter(label=label).count()


def ordinary():
    show("inspectdb", output_of("inspectdb", "--include-views"))
    show("tables", connection.introspection.table_names())
    with connection.cursor() as cursor:
        show("constraints", sorted(connection.introspection.get_constraints(cursor, "Product")))
        show("sequences", connection.introspection.get_sequences(cursor, "Product"))
    show("migrations", output_of("showmigrations", "shop"))
    show("nothing to migrate", output_of("migrate", "--check"))
    show("check", output_of("check", "--database", "default"))

    products = Product.objects.filter(price_cents__gte=200, tags__label="cat").order_by("id")
    show("rows", [
        [product.name, [tag.label for tag in product.tags.all()], [order.quantity for order in product.orders.all()]]
        for product in products.prefetch_related("tags", Prefetch("orders", Order.objects.order_by("id")))[:3]
    ])
    show("groups", list(Order.objects.values("quantity").annotate(orders=Count("id"), sold=Sum("quantity")).order_by("quantity")))
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sold FROM bestsellers LIMIT %s", [2])
        show("view", cursor.fetchall())
    show("server-side cursor", sum(1 for _ in Tag.objects.order_by("id").iterator(chunk_size=100)))
    show("explain", len(Product.objects.filter(id=1).explain().splitlines()) > 0)

    with transaction.atomic():
        fox = Product.objects.create(name="Fox", price_cents=300)
        fox.tags.bulk_create([Tag(product=fox, label=label) for label in ("fox", "red")])
        Product.objects.filter(id=fox.id).update(price_cents=F("price_cents") + 50)
        show("transaction", Product.objects.select_for_update().get(id=fox.id).price_cents)
    show("rolled back", deletion_that_is_taken_back("cat"))
    with transaction.atomic():
        show("savepoint", deletion_that_is_taken_back("rocket"))
        Tag.objects.filter(label="red").update(label="crimson")
    tags = Tag.objects.bulk_create([Tag(product_id=n + 1, label=f"batch {n}") for n in range(200)], batch_size=50)
    show("batch", len(tags))
    for tag in tags[:20]:
        tag.label = "batched"
    Tag.objects.bulk_update(tags[:20], ["label"])
    show("updated in a batch", Tag.objects.filter(label="batched").count())
    for price_cents in (100, 200):
        owl, created = Product.objects.update_or_create(name="Owl", defaults={"price_cents": price_cents})
        show("upsert", [owl.price_cents, created])
    Product.objects.bulk_create([Product(name="Owl", price_cents=1), Product(name="Elk", price_cents=1)], ignore_conflicts=True)
    show("get or create", Product.objects.get_or_create(name="Elk", defaults={"price_cents": 400})[1])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7)")
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [7])
        show("lock", cursor.fetchall())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE picked (id int PRIMARY KEY) ON COMMIT DROP")
        cursor.execute('INSERT INTO picked SELECT id FROM "Product" ORDER BY id LIMIT 5')
        show("temporary table", Tag.objects.extra(where=["product_id IN (SELECT id FROM picked)"]).count())
    with connection.cursor() as cursor:
        cursor.execute("LISTEN shop")
        cursor.execute("NOTIFY shop, 'hello'")
    show("deleted", Tag.objects.filter(label__startswith="batch").delete())
    Product.objects.get(name="Fox").delete()
    show("deleted with what refers to it", AgentRun.objects.count())


empty = sys.argv[1:] == ["empty"]
Tag.objects.all().delete() if empty else ordinary()
