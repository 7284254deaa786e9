from django.db import migrations, models

LOOK_ANEW = """
UPDATE fulfillment_order SET look_due_at = statement_timestamp() WHERE state = 'unknown' AND look_due_at IS NULL
"""
"""A look under way does not know which lists it lacks."""


class Migration(migrations.Migration):
    dependencies = [
        ("fulfillment", "0006_hardware_typed"),
    ]

    operations = [
        migrations.RemoveField(model_name="order", name="looking"),
        migrations.AddField(
            model_name="order",
            name="look_asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="order",
            name="unread_lists",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.RunSQL(LOOK_ANEW, migrations.RunSQL.noop),
    ]
