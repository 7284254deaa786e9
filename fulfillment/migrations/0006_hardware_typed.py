from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fulfillment", "0005_former_hardware"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="hardware_typed",
            field=models.CharField(blank=True, default="", max_length=40),
            preserve_default=False,
        ),
    ]
