from django.db import migrations, models

ID = ("id", models.AutoField(primary_key=True))


def existing(name, *fields):
    """A table that was there before Django was."""
    return migrations.SeparateDatabaseAndState(
        state_operations=[migrations.CreateModel(name, [ID, *fields], options={"db_table": name})])


class Migration(migrations.Migration):
    operations = [
        existing("Product", ("name", models.TextField(unique=True)), ("price_cents", models.IntegerField())),
        migrations.CreateModel("Note", [ID, ("body", models.TextField())]),
    ]
