from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Cast, Concat


def name_by_number(apps, schema_editor):
    secrets = apps.get_model("clinics", "WebhookSecret").objects
    secrets.update(name=Concat(Value("secret-"), Cast(F("id"), models.TextField())))


class Migration(migrations.Migration):
    dependencies = [("clinics", "0008_operator_is_no_member")]

    operations = [
        migrations.AddField(
            model_name="webhooksecret",
            name="name",
            field=models.CharField(default="", max_length=60),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="webhooksecret", name="last_used_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="webhooksecret", name="retired_at", field=models.DateTimeField(null=True)
        ),
        migrations.RunPython(name_by_number, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="webhooksecret",
            constraint=models.UniqueConstraint(fields=("clinic", "name"), name="webhook_secret_name_once"),
        ),
    ]
