"""The Celery application. Rooms add their schedules in `beat_schedule` below."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("vitaldays")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
