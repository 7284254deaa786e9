from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenovi", "0018_delete_patient"),
    ]

    operations = [
        migrations.AddField(
            model_name="request",
            name="asked_at",
            field=models.DateTimeField(null=True),
        ),
    ]
