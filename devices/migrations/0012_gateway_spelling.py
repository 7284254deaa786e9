from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0011_unsent"),
    ]

    operations = [
        migrations.AddField(
            model_name="gateway",
            name="spelling",
            field=models.CharField(blank=True, default="", max_length=12),
            preserve_default=False,
        ),
    ]
