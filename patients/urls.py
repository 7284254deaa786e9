from django.urls import path

from patients import views

PATIENT = "c/<slug:clinic>/patients/<uuid:patient_id>/"

urlpatterns = [
    path("c/<slug:clinic>/patients/new/", views.new_patient, name="patient-new"),
    path(PATIENT + "edit/", views.edit_patient, name="patient-edit"),
    path(PATIENT + "confirm-address/", views.confirm_address, name="patient-confirm-address"),
    path(PATIENT + "programs/", views.patient_programs, name="patient-programs"),
    path(PATIENT + "programs/<int:enrollment_id>/end/", views.end_program, name="patient-program-end"),
    path(PATIENT + "send/", views.send_patient, name="patient-send"),
]
