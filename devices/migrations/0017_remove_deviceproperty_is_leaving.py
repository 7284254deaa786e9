from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0016_changed_at"),
    ]

    operations = [
        migrations.RemoveField(model_name="deviceproperty", name="is_leaving"),
    ]
