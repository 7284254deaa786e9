"""Configure Celery: the queue of each task, and how often the scheduler wakes it.

Tasks only look at rows in PostgreSQL, so a wake-up that no worker took expires. After an hour without
workers there is one run, not sixty, and two schedulers double nothing.
"""

import os

from celery import Celery
from celery.signals import beat_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("vitaldays")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.task_routes = {"tenovi.drain": {"queue": "vendor"}}
app.conf.beat_schedule = {
    task: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for task, seconds in {
        "tenovi.drain": 5.0,
        "devices.settle_unknown": 10.0,
        "tenovi.settle_pending": 15.0,
        "measurements.claim_readings": 30.0,
        "measurements.follow_time_zones": 30.0,
        "billing.write_anchors": 30.0,
        "fulfillment.look_again": 60.0,
        "measurements.compare_with_vendor": 60.0,
        "fulfillment.follow_orders": 30.0,
        "fulfillment.catch_up": 300.0,
        "devices.sync_vendor": 60.0,
        "dashboard.watch_gateways": 120.0,
        "tenovi.heartbeat": 60.0,
        "tenovi.forget": 3600.0,
    }.items()
}


@beat_init.connect
def beat_at_once(**_: object) -> None:
    """Send the first heartbeat at once, so that scheduler and workers show up within a minute."""
    app.send_task("tenovi.heartbeat", queue="default", expires=60)
