from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """In a transaction of its own: readings are stored meanwhile."""

    dependencies = [
        ('measurements', '0007_copies'),
    ]

    operations = [
        ValidateConstraint(model_name='measurement', name='repeats_count_for_nothing'),
    ]
