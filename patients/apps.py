from django.apps import AppConfig

from tenovi import registry


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        from patients import handlers  # models are ready only now

        registry.on_answer("patients.list", handlers.store_patients)
        registry.on_answer("patients.read", handlers.store_patient)
        registry.on_payload("patients.push", handlers.record_to_push)
        registry.on_answer("patients.push", handlers.patient_taken)
        registry.on_answer("patients.delete", handlers.patient_deleted)
        registry.on_failure("patients.push", handlers.patient_not_taken)
