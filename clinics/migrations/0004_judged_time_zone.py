from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clinics", "0003_session_clinic_idle_minutes_and_more")]

    operations = [
        migrations.AddField(
            model_name="clinic",
            name="judged_timezone",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.RunSQL("UPDATE clinics_clinic SET judged_timezone = timezone", migrations.RunSQL.noop),
    ]
