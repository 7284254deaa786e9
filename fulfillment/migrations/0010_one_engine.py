import django.db.models.deletion
from django.db import migrations, models

KINDS = (
    ("replacement", "fulfillment_replacement", "replacements.create"),
    ("supplyrequest", "fulfillment_supplyrequest", "supply_requests.create"),
)
# Until now a queued row could be on its way already. Only one whose request still waits has surely not been sent.
ON_ITS_WAY = """
UPDATE {table} AS mine SET state = 'sending', sends = 1, first_sent_at = asked_at
WHERE state = 'queued' AND NOT EXISTS (
    SELECT FROM tenovi_request AS request
    WHERE request.clinic_id = mine.clinic_id AND request.kind = '{create}'
    AND request.target = mine.id::text AND request.state = 'waiting'
)
"""
# One that was searched for twice waits for a person; the others are searched for anew.
UNCONFIRMED = """
UPDATE {table} SET sends = 1, first_sent_at = asked_at, unconfirmed_at = changed_at,
    state = CASE WHEN searches >= 2 THEN 'needs_person' ELSE state END
WHERE state = 'unknown'
"""
BACK = """
UPDATE {table} SET state = CASE state WHEN 'sending' THEN 'queued' ELSE 'unknown' END
WHERE state IN ('sending', 'needs_person')
"""


def columns(model):
    fields = (
        ("sent", models.JSONField(blank=True, default=dict)),
        ("sends", models.PositiveSmallIntegerField(default=0)),
        ("first_sent_at", models.DateTimeField(null=True)),
        ("unconfirmed_at", models.DateTimeField(null=True)),
        ("throttled", models.BooleanField(default=False)),
        ("unread_lists", models.JSONField(blank=True, default=list)),
        ("search_asked_at", models.DateTimeField(null=True)),
        ("matches", models.PositiveSmallIntegerField(default=0)),
        ("search_due_at", models.DateTimeField(null=True)),
    )
    return [migrations.AddField(model, name, field) for name, field in fields]


def renamed(model, **names):
    return [migrations.RenameField(model, old, new) for old, new in names.items()]


def of_kind(model, table, create):
    return [
        *renamed(model, said="reason", looks="searches", looked_at="searched_at"),
        *columns(model),
        migrations.RemoveConstraint(model, f"{model}_state_known"),
        migrations.AlterField(
            model,
            "state",
            models.CharField(
                choices=[
                    ("queued", "Waiting to be sent"),
                    ("sending", "Being sent"),
                    ("unknown", "Being looked for"),
                    ("needs_person", "Needs a person"),
                    ("confirmed", "Confirmed"),
                    ("withdrawing", "Being withdrawn"),
                    ("fulfilled", "Sent out"),
                    ("refused", "Refused"),
                    ("cancelled", "Cancelled"),
                ],
                default="queued",
                max_length=12,
            ),
        ),
        migrations.RunSQL(
            [ON_ITS_WAY.format(table=table, create=create), UNCONFIRMED.format(table=table)],
            [BACK.format(table=table)],
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("fulfillment", "0009_into_stock"),
        ("tenovi", "0020_calls_that_no_page_has"),
    ]

    operations = [
        *renamed(
            "order",
            doubted_at="unconfirmed_at",
            looks="searches",
            look_asked_at="search_asked_at",
            look_due_at="search_due_at",
            found="matches",
        ),
        migrations.AddField("order", "searched_at", models.DateTimeField(null=True)),
        *(operation for kind in KINDS for operation in of_kind(*kind)),
        migrations.RemoveConstraint("orderstep", "order_step_says_what"),
        migrations.RenameModel("OrderStep", "RequestEvent"),
        *renamed("requestevent", said="text"),
        migrations.RenameIndex("requestevent", "request_event_of_order", old_name="order_step_history"),
        migrations.AlterField(
            "requestevent",
            "order",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="fulfillment.order",
            ),
        ),
        *(
            migrations.AddField(
                "requestevent",
                name,
                models.ForeignKey(
                    null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=model
                ),
            )
            for name, model in (
                ("replacement", "fulfillment.replacement"),
                ("supply_request", "fulfillment.supplyrequest"),
            )
        ),
    ]
