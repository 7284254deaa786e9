from django.db import migrations, models
from django.db.models import Q

CAUSES = {
    "secret": "No valid secret was shown",
    "retired": "A retired secret was shown",
    "unavailable": "It could not be kept",
    "too_large": "It was too large",
}
KINDS = {"measurements": "Readings", "fulfillment": "Shipping", "special-orders": "Special orders"}


class Migration(migrations.Migration):
    dependencies = [("tenovi", "0012_proven_ends")]

    operations = [
        migrations.RemoveConstraint(model_name="doorcount", name="door_count_once"),
        migrations.RenameField(model_name="doorcount", old_name="hour", new_name="start"),
        migrations.AddField(
            model_name="doorcount",
            name="kind",
            field=models.CharField(blank=True, choices=list(KINDS.items()), default="", max_length=20),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="doorcount",
            name="cause",
            field=models.CharField(choices=list(CAUSES.items()), max_length=20),
        ),
        migrations.AddConstraint(
            model_name="doorcount",
            constraint=models.UniqueConstraint(
                fields=("clinic_id", "start", "cause", "kind"), name="door_count_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="doorcount",
            constraint=models.CheckConstraint(
                condition=Q(cause__in=list(CAUSES)), name="door_count_cause_known"
            ),
        ),
    ]
