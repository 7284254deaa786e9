"""Decisions of "nobody has it" that were made while such a decision left no row: those of which the record
says so, and whose device has no assignment since. Without a row the next list of the vendor undoes them."""

from django.db import migrations

DECIDED = """
INSERT INTO devices_assignment
    (clinic_id, device_id, patient_id, starts_at, reaches_back, claimed_at, misnamed_as, decided_by_id, created_at)
SELECT d.clinic_id, d.id, NULL, (e.detail ->> 'since')::timestamptz, false, now(), '',
       (SELECT u.id FROM clinics_user u WHERE u.id = e.actor_id), e.at
FROM devices_device d
CROSS JOIN LATERAL (
    SELECT detail, actor_id, at FROM clinics_auditevent
    WHERE clinic_id = d.clinic_id AND target_id = d.id::text AND action = 'device_given'
    ORDER BY id DESC LIMIT 1
) e
WHERE e.detail -> 'patient' ->> 1 IS NULL
  AND NOT EXISTS (SELECT FROM devices_assignment a WHERE a.device_id = d.id)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0009_assigned_to_nobody'),
    ]

    operations = [
        migrations.RunSQL(DECIDED, "DELETE FROM devices_assignment WHERE patient_id IS NULL"),
    ]
