"""An element that waits keeps its own bytes, and they are evidence too."""

from django.db import migrations, models
from django.db.models import Q

PROTECT = """
CREATE TRIGGER raw_of_element_is_never_changed
    BEFORE UPDATE OF raw ON tenovi_deliveryitem
    FOR EACH ROW WHEN (OLD.raw IS NOT NULL AND OLD.raw IS DISTINCT FROM NEW.raw)
    EXECUTE FUNCTION refuse_raw_change();
"""
UNPROTECT = "DROP TRIGGER raw_of_element_is_never_changed ON tenovi_deliveryitem;"


class Migration(migrations.Migration):
    dependencies = [("tenovi", "0013_refused_calls_per_minute")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="fetched",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="deliveryitem", name="raw", field=models.BinaryField(null=True)
        ),
        migrations.AddField(
            model_name="deliveryitem", name="content", field=models.UUIDField(null=True)
        ),
        migrations.AddField(
            model_name="deliveryitem",
            name="attempts",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name="deliveryitem",
            index=models.Index(
                fields=["clinic", "content"],
                condition=Q(content__isnull=False),
                name="delivery_item_content",
            ),
        ),
        migrations.RunSQL(PROTECT, UNPROTECT),
    ]
