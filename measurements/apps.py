from django.apps import AppConfig


class MeasurementsConfig(AppConfig):
    name = "measurements"

    def ready(self) -> None:
        from measurements import handlers  # models are ready only now
        from tenovi import registry

        registry.add_requests(handlers.REQUESTS)
        registry.add_deliveries(handlers.DELIVERIES)
