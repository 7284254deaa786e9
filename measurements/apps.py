from django.apps import AppConfig

from tenovi import registry


class MeasurementsConfig(AppConfig):
    name = "measurements"

    def ready(self) -> None:
        from measurements.handlers import store_delivery  # models are ready only now

        registry.on_delivery("measurements", store_delivery)
