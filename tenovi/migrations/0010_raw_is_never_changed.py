"""What came in is evidence: its bytes stay as they were acknowledged."""

from django.db import migrations

PROTECT = """
CREATE FUNCTION refuse_raw_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a delivery keeps its bytes' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER raw_is_never_changed
    BEFORE UPDATE OF raw ON tenovi_delivery
    FOR EACH ROW WHEN (OLD.raw IS DISTINCT FROM NEW.raw)
    EXECUTE FUNCTION refuse_raw_change();
"""
UNPROTECT = """
DROP TRIGGER raw_is_never_changed ON tenovi_delivery;
DROP FUNCTION refuse_raw_change();
"""


class Migration(migrations.Migration):
    dependencies = [("tenovi", "0009_webhooks")]

    operations = [migrations.RunSQL(PROTECT, UNPROTECT)]
