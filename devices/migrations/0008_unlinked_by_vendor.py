from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0007_deviceproperty"),
    ]

    operations = [
        migrations.AddField(
            model_name="device",
            name="unlinked_by_vendor",
            field=models.BooleanField(default=False),
        ),
    ]
