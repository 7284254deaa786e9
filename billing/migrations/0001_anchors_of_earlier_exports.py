from django.db import migrations

WRITE = """
INSERT INTO patients_periodanchor
    (clinic_id, patient_id, program, enrollment_id, anchor_on, source, reason, days_before)
SELECT d.clinic_id, d.patient_id, d.program, e.newest,
       min(d.local_date) FILTER (WHERE d.local_date >= coalesce(e.starts_on, '-infinity')),
       'migrated', '',
       count(*) FILTER (WHERE d.local_date < coalesce(e.starts_on, '-infinity'))
FROM measurements_vitalday d
LEFT JOIN (
    SELECT patient_id, program, min(starts_on) AS starts_on,
           (array_agg(id ORDER BY starts_on DESC, id DESC))[1] AS newest
    FROM patients_enrollment GROUP BY patient_id, program
) e USING (patient_id, program)
WHERE d.readings > 0 AND d.local_date < (now() AT TIME ZONE 'UTC')::date
GROUP BY d.clinic_id, d.patient_id, d.program, e.newest, e.starts_on
HAVING bool_or(d.local_date >= coalesce(e.starts_on, '-infinity'))
"""
"""The rule by which exports were cut so far: the first counted day on or after the earliest enrolment in
the program. The newest enrolment gets it, because one anchor served all of them. A date that may not have
begun for everybody is left to the scheduler, which knows each patient's."""


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0006_period_anchor"),
        ("measurements", "0005_fewer_indexes"),
    ]

    operations = [migrations.RunSQL(WRITE, migrations.RunSQL.noop)]
