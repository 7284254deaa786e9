"""Which assignments the vendor is known to agree with: those it brought, those it was told of, and those in
force under the patient that its record names. What waited for a handover to be known is settled again."""

from django.db import migrations

AGREED = """
UPDATE devices_assignment a
SET agreed_at = coalesce(a.misnamed_until, d.synced_at, now()), resettle_due = NOT a.reaches_back
FROM devices_device d, patients_patient p
WHERE d.id = a.device_id AND p.id = a.patient_id AND a.agreed_at IS NULL
  AND (a.reaches_back OR a.misnamed_until IS NOT NULL
       OR (a.ends_at IS NULL AND lower(d.vendor_patient_id) = lower(p.external_id)))
"""


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0013_agreed'),
    ]

    operations = [
        migrations.RunSQL(AGREED, migrations.RunSQL.noop),
    ]
