from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('fulfillment', '0007_looks_under_every_spelling'),
    ]

    operations = [
        migrations.AlterField(
            model_name='orderstep',
            name='what',
            field=models.CharField(choices=[('placed', 'Ordered'), ('sent', 'Sent to Tenovi'), ('waits', 'Waits: nothing has reached Tenovi'), ('confirmed', 'Confirmed by Tenovi'), ('refused', 'Refused by Tenovi'), ('doubted', 'No usable answer: Tenovi may have taken the order'), ('looked', 'Looked for it in Tenovi’s list'), ('handed', 'Handed to a person'), ('adopted', 'Found at Tenovi'), ('sent_again', 'To be sent again'), ('shipped', 'Shipped by our own staff'), ('told', 'Tenovi was asked or told'), ('cancelled', 'Cancelled')], max_length=12),
        ),
    ]
