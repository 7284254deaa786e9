from django.urls import path

from dashboard import (
    account_sync,
    archive_views,
    clinic_settings,
    day_views,
    device_views,
    discharge_views,
    health,
    holder_views,
    views,
    waiting_views,
    webhook_views,
)

READING = "c/<slug:clinic>/patients/<uuid:patient_id>/<iso:day>/readings/<int:reading_id>/"

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("c/<slug:clinic>/settings/", clinic_settings.clinic_settings, name="clinic-settings"),
    path("c/<slug:clinic>/vendor-key/", clinic_settings.vendor_key, name="vendor-key"),
    path("c/<slug:clinic>/account-sync/", account_sync.account_sync, name="account-sync"),
    path("c/<slug:clinic>/deliveries/waiting/", waiting_views.waiting, name="deliveries-waiting"),
    path("c/<slug:clinic>/deliveries/waiting/accept/", waiting_views.accept, name="deliveries-accept"),
    path("c/<slug:clinic>/webhooks/vendor/", webhook_views.vendor_webhooks, name="vendor-webhooks"),
    path("c/<slug:clinic>/patients/", views.patients, name="patients"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/", views.patient, name="patient"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/news/", views.patient_news, name="patient-news"),
    path(
        "c/<slug:clinic>/patients/<uuid:patient_id>/alerts/<uuid:alert_id>/seen/",
        views.acknowledge,
        name="alert-seen",
    ),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/<iso:day>/", day_views.patient_day, name="patient-day"),
    path(READING + "exclude/", day_views.exclude_reading, name="reading-exclude"),
    path(READING + "restore/", day_views.restore_reading, name="reading-restore"),
    path(
        "c/<slug:clinic>/patients/<uuid:patient_id>/discharge/",
        discharge_views.discharge,
        name="patient-discharge",
    ),
    path("c/<slug:clinic>/patients/archived/", archive_views.archived, name="patients-archived"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/delete/", archive_views.delete, name="patient-delete"),
    path(
        "c/<slug:clinic>/patients/<uuid:patient_id>/restore/", archive_views.restore, name="patient-restore"
    ),
    path("c/<slug:clinic>/devices/", device_views.devices, name="devices"),
    path(
        "c/<slug:clinic>/devices/hardware-log/search/",
        device_views.search_hardware_log,
        name="hardware-log-search",
    ),
    path("c/<slug:clinic>/devices/<uuid:device_id>/", device_views.device, name="device"),
    path(
        "c/<slug:clinic>/devices/<uuid:device_id>/holder/", holder_views.device_holder, name="device-holder"
    ),
    path("c/<slug:clinic>/gateways/", device_views.gateways, name="gateways"),
    path("c/<slug:clinic>/gateways/<uuid:gateway_id>/", device_views.gateway, name="gateway"),
]
