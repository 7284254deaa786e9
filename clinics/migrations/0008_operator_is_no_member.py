"""An operator is never a member of a clinic: held by the database, since it spans two tables.

Who was both stays a member, whose work would stop otherwise, and is an operator no more; the record
says so. Who was made a member and never chose a password becomes somebody invited, who accepts first.
"""

from django.db import migrations

RECORD = """
INSERT INTO clinics_auditevent
    (at, clinic_id, actor_label, action, target_kind, target_id, detail)
"""
BOTH = f"""
{RECORD}
SELECT now(), m.clinic_id, 'Vitaldays itself', 'operator_ended', 'user', u.id::text,
       jsonb_build_object('operator', jsonb_build_array(true, false))
FROM clinics_user u JOIN clinics_membership m ON m.user_id = u.id
WHERE u.is_operator;
UPDATE clinics_user u SET is_operator = false
WHERE u.is_operator AND EXISTS (SELECT FROM clinics_membership m WHERE m.user_id = u.id);
"""
NEVER_JOINED = f"""
{RECORD}
SELECT now(), m.clinic_id, 'Vitaldays itself', 'role_removed', 'user', u.id::text,
       jsonb_build_object('role', jsonb_build_array(m.role, NULL), 'now', 'invited')
FROM clinics_membership m JOIN clinics_user u ON u.id = m.user_id
WHERE u.password LIKE '!%';
INSERT INTO clinics_invitation
    (id, clinic_id, email, role, state, token_digest, created_at, sent_at, expires_at)
SELECT gen_random_uuid(), m.clinic_id, u.email, m.role, 'waiting', '', m.created_at, m.created_at,
       now() + interval '7 days'
FROM clinics_membership m JOIN clinics_user u ON u.id = m.user_id
WHERE u.password LIKE '!%';
DELETE FROM clinics_membership m USING clinics_user u WHERE u.id = m.user_id AND u.password LIKE '!%';
SET CONSTRAINTS ALL IMMEDIATE;
"""
# The row of the user is what both sides lock: of two transactions that make one person
# both, the second waits and then sees what the first one did.
GUARD = """
CREATE FUNCTION refuse_operator_as_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT is_operator FROM clinics_user WHERE id = NEW.user_id FOR SHARE) THEN
        RAISE EXCEPTION 'an operator is never a member of a clinic'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'operator_is_no_member';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION refuse_member_as_operator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM clinics_membership WHERE user_id = NEW.id;
    IF FOUND THEN
        RAISE EXCEPTION 'a member of a clinic is never an operator'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'operator_is_no_member';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER membership_is_no_operators
    AFTER INSERT OR UPDATE OF user_id ON clinics_membership
    FOR EACH ROW EXECUTE FUNCTION refuse_operator_as_member();
CREATE TRIGGER operator_has_no_membership
    AFTER UPDATE OF is_operator ON clinics_user
    FOR EACH ROW WHEN (NEW.is_operator) EXECUTE FUNCTION refuse_member_as_operator();
"""
UNGUARD = """
DROP TRIGGER operator_has_no_membership ON clinics_user;
DROP TRIGGER membership_is_no_operators ON clinics_membership;
DROP FUNCTION refuse_member_as_operator();
DROP FUNCTION refuse_operator_as_member();
"""


class Migration(migrations.Migration):
    dependencies = [("clinics", "0007_invitation")]

    operations = [
        migrations.RunSQL(BOTH, migrations.RunSQL.noop),
        migrations.RunSQL(NEVER_JOINED, migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
