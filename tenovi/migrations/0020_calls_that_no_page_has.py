from django.db import migrations, models

from tenovi.models import RequestKind

GONE = ("properties.remove", "webhooks.update")
"""No page of the vendor's has these calls: what waits to make one never would."""


def forget(apps, schema_editor):
    apps.get_model("tenovi", "Request").objects.filter(kind__in=GONE).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tenovi", "0019_asked_at"),
    ]

    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="request",
            name="kind",
            field=models.CharField(choices=RequestKind.choices, max_length=40),
        ),
    ]
