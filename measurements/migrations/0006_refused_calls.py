from django.db import migrations, models

CAUSES = {
    "nightly": "Every night, three days back",
    "weekly": "Every week, 35 days back, nobody skipped",
    "outage": "After an outage of ours",
    "refused": "After calls without a valid secret",
    "silence": "The webhook fell silent",
    "person": "Asked for by a person",
}


class Migration(migrations.Migration):
    dependencies = [("measurements", "0005_fewer_indexes")]

    operations = [
        migrations.AlterField(
            model_name="reconciliation",
            name="cause",
            field=models.CharField(choices=list(CAUSES.items()), max_length=8),
        ),
    ]
