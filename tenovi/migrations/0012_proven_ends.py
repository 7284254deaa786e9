from django.db import migrations, models

BEGIN_ANEW = "UPDATE tenovi_request SET cursor = '', pages = 0, total = NULL WHERE pages > 0"
"""Nobody has counted the rows of lists that are half read."""


class Migration(migrations.Migration):
    dependencies = [
        ("tenovi", "0011_fewer_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="request",
            name="digests",
            field=models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name="request",
            name="restarts",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="request",
            name="rows",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.RunSQL(BEGIN_ANEW, migrations.RunSQL.noop),
    ]
