from django.urls import path

from measurements import views

urlpatterns = [
    path("c/<slug:clinic>/patients/<uuid:patient_id>/limits/", views.patient_limits, name="patient-limits"),
    path("c/<slug:clinic>/completeness/", views.completeness, name="completeness"),
    path("c/<slug:clinic>/completeness/compare/", views.compare, name="completeness-compare"),
]
