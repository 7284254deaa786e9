from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        from patients import handlers  # models are ready only now
        from tenovi import registry

        registry.add_requests(handlers.REQUESTS)
