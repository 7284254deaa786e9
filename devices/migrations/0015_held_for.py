from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0014_agreed_before"),
    ]

    operations = [
        migrations.AddField(
            model_name="device",
            name="held_for",
            field=models.CharField(blank=True, default="", max_length=400),
            preserve_default=False,
        ),
    ]
