import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('fulfillment', '0008_told'),
    ]

    operations = [
        migrations.AlterField(
            model_name='order',
            name='patient',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='patients.patient'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('patient__isnull', False), models.Q(('ship_by', 'on_site'), models.Q(('hardware_uuid', ''), _negated=True)), _connector='OR'), name='order_without_patient_is_in_hand'),
        ),
    ]
