from django.db import migrations, models
from django.db.models import Q

STATES = {
    "stored": "Stored",
    "updated": "Updated",
    "duplicate": "Duplicate",
    "quarantined": "Needs attention",
    "pending": "Waiting",
    "discarded": "Discarded",
}


class Migration(migrations.Migration):
    dependencies = [("tenovi", "0015_who_sends")]

    operations = [
        migrations.AlterField(
            model_name="deliveryitem",
            name="state",
            field=models.CharField(choices=list(STATES.items()), max_length=12),
        ),
        migrations.AddField(
            model_name="deliveryitem",
            name="goes_by_holder",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="deliveryitem",
            name="note",
            field=models.CharField(blank=True, db_default="", max_length=500),
        ),
        migrations.AddField(
            model_name="deliveryitem",
            name="decided_by",
            field=models.CharField(blank=True, db_default="", max_length=254),
        ),
        migrations.AddField(
            model_name="deliveryitem", name="decided_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddConstraint(
            model_name="deliveryitem",
            constraint=models.CheckConstraint(
                condition=~Q(state="discarded") | (~Q(note="") & Q(decided_at__isnull=False)),
                name="delivery_item_discarded_for_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="deliveryitem",
            index=models.Index(
                fields=["clinic", "decided_at"],
                condition=Q(state="discarded"),
                name="delivery_item_discarded",
            ),
        ),
    ]
