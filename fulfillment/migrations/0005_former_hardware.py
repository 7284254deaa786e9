from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fulfillment", "0004_shipped_by_our_own_staff"),
    ]

    operations = [
        migrations.AddField(
            model_name="fulfillmentevent",
            name="former_hardware_uuid",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
    ]
