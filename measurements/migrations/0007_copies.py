from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """Both columns are added without writing a row; the next migration looks at the rows there are."""

    dependencies = [
        ('measurements', '0006_refused_calls'),
    ]

    operations = [
        migrations.AddField(
            model_name='measurement',
            name='is_repeat',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='measurement',
            name='log_entry',
            field=models.UUIDField(null=True),
        ),
        AddConstraintNotValid(
            model_name='measurement',
            constraint=models.CheckConstraint(condition=models.Q(('counts', False), ('is_repeat', False), _connector='OR'), name='repeats_count_for_nothing'),
        ),
    ]
