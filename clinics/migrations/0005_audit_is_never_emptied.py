"""TRUNCATE would have emptied the record: it fires no trigger of rows."""

from django.db import migrations

PROTECT = """
CREATE TRIGGER audit_is_never_emptied
    BEFORE TRUNCATE ON clinics_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
"""
UNPROTECT = "DROP TRIGGER audit_is_never_emptied ON clinics_auditevent;"


class Migration(migrations.Migration):
    dependencies = [("clinics", "0004_judged_time_zone")]

    operations = [migrations.RunSQL(PROTECT, UNPROTECT)]
