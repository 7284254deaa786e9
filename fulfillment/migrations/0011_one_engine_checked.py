from django.db import migrations, models

STATES = (
    *("queued", "sending", "unknown", "needs_person", "confirmed", "withdrawing", "fulfilled", "refused"),
    "cancelled",
)
WHAT = [
    ("placed", "Ordered"),
    ("sent", "Sent to Tenovi"),
    ("waits", "Waits: nothing has reached Tenovi"),
    ("confirmed", "Confirmed by Tenovi"),
    ("refused", "Refused by Tenovi"),
    ("doubted", "No usable answer: Tenovi may have taken the order"),
    ("looked", "Looked for it in Tenovi’s list"),
    ("handed", "Handed to a person"),
    ("adopted", "Found at Tenovi"),
    ("sent_again", "To be sent again"),
    ("shipped", "Shipped by our own staff"),
    ("told", "Tenovi was asked or told"),
    ("withdrawn", "Taken back"),
    ("kept", "Tenovi did not withdraw it"),
    ("fulfilled", "Sent out by Tenovi"),
    ("given_up", "Given up"),
    ("cancelled", "Cancelled"),
]


class Migration(migrations.Migration):
    """Apart from the one before: PostgreSQL alters no table whose rows the same transaction has changed."""

    dependencies = [("fulfillment", "0010_one_engine")]

    operations = [
        *(
            migrations.AddConstraint(
                model,
                models.CheckConstraint(
                    condition=models.Q(("state__in", STATES)), name=f"{model}_state_known"
                ),
            )
            for model in ("replacement", "supplyrequest")
        ),
        migrations.AlterField("requestevent", "what", models.CharField(choices=WHAT, max_length=12)),
        migrations.AddConstraint(
            "requestevent",
            models.CheckConstraint(
                condition=models.Q(("what", ""), _negated=True), name="request_event_says_what"
            ),
        ),
        migrations.AddConstraint(
            "requestevent",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("order__isnull", False), ("replacement", None), ("supply_request", None)
                    ),
                    models.Q(
                        ("order", None), ("replacement__isnull", False), ("supply_request", None)
                    ),
                    models.Q(
                        ("order", None), ("replacement", None), ("supply_request__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="request_event_is_about_one",
            ),
        ),
        *(
            migrations.AddIndex("requestevent", models.Index(fields=[field, "at", "id"], name=name))
            for field, name in (
                ("replacement", "request_event_of_replacement"),
                ("supply_request", "request_event_of_supplies"),
            )
        ),
    ]
