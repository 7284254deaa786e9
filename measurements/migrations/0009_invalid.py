from django.db import migrations, models


class Migration(migrations.Migration):
    """Added without writing a row: what was stored before stays as it was counted."""

    dependencies = [
        ('measurements', '0008_copies_checked'),
    ]

    operations = [
        migrations.AddField(
            model_name='measurement',
            name='is_invalid',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
