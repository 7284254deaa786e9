from django.urls import path

from dashboard import health_views, views
from dashboard.account import settings_views, sync_views, webhook_views
from dashboard.devices import assignment_views
from dashboard.devices import views as devices_views
from dashboard.patients import archive_views, day_views, discharge_views
from dashboard.quarantine import views as quarantine_views

READING = "c/<slug:clinic>/patients/<uuid:patient_id>/<iso:day>/readings/<int:reading_id>/"

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", health_views.alive, name="healthz"),
    path("readyz", health_views.ready, name="readyz"),
    path("c/<slug:clinic>/settings/", settings_views.clinic_settings, name="clinic-settings"),
    path("c/<slug:clinic>/vendor-key/", settings_views.vendor_key, name="vendor-key"),
    path("c/<slug:clinic>/account-sync/", sync_views.account_sync, name="account-sync"),
    path("c/<slug:clinic>/deliveries/waiting/", quarantine_views.waiting, name="deliveries-waiting"),
    path("c/<slug:clinic>/deliveries/waiting/accept/", quarantine_views.accept, name="deliveries-accept"),
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
    path("c/<slug:clinic>/devices/", devices_views.devices, name="devices"),
    path(
        "c/<slug:clinic>/devices/hardware-log/search/",
        devices_views.search_hardware_log,
        name="hardware-log-search",
    ),
    path("c/<slug:clinic>/devices/<uuid:device_id>/", devices_views.device, name="device"),
    path(
        "c/<slug:clinic>/devices/<uuid:device_id>/holder/",
        assignment_views.device_holder,
        name="device-holder",
    ),
    path("c/<slug:clinic>/gateways/", devices_views.gateways, name="gateways"),
    path("c/<slug:clinic>/gateways/<uuid:gateway_id>/", devices_views.gateway, name="gateway"),
]
