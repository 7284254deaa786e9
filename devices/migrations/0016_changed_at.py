from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0015_held_for"),
    ]

    operations = [
        migrations.AddField(
            model_name="device",
            name="changed_at",
            field=models.DateTimeField(null=True),
        ),
    ]
