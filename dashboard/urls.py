from django.urls import path

from dashboard import health, views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("c/<slug:clinic>/patients/", views.patients, name="patients"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/", views.patient, name="patient"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/news/", views.patient_news, name="patient-news"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/<iso:day>/", views.patient_day, name="patient-day"),
]
