from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_notes")]
    operations = [
        migrations.CreateModel(
            "AnalyticsEvent",
            [("id", models.AutoField(primary_key=True)), ("payload", models.JSONField(null=True))],
            options={"db_table": "analytics_events"},
        ),
    ]
