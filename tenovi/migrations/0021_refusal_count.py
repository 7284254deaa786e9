from django.db import migrations, models
from django.db.models import Q

CAUSES = ("secret", "retired", "unavailable", "too_large")
RENAME = "ALTER TABLE tenovi_refusalcount RENAME CONSTRAINT {} TO {}"


def renamed(before: str, after: str) -> migrations.RunSQL:
    return migrations.RunSQL(RENAME.format(before, after), RENAME.format(after, before))


class Migration(migrations.Migration):
    dependencies = [("tenovi", "0020_calls_that_no_page_has")]

    operations = [
        migrations.RenameModel("DoorCount", "RefusalCount"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                renamed("door_count_once", "refusal_count_once"),
                renamed("door_count_cause_known", "refusal_count_cause_known"),
            ],
            state_operations=[
                migrations.RemoveConstraint("refusalcount", "door_count_once"),
                migrations.RemoveConstraint("refusalcount", "door_count_cause_known"),
                migrations.AddConstraint(
                    "refusalcount",
                    models.UniqueConstraint(
                        fields=("clinic_id", "start", "cause", "kind"),
                        name="refusal_count_once",
                        nulls_distinct=False,
                    ),
                ),
                migrations.AddConstraint(
                    "refusalcount",
                    models.CheckConstraint(
                        condition=Q(cause__in=list(CAUSES)), name="refusal_count_cause_known"
                    ),
                ),
            ],
        ),
    ]
