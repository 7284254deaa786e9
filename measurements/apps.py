from django.apps import AppConfig

from tenovi import registry


class MeasurementsConfig(AppConfig):
    name = "measurements"

    def ready(self) -> None:
        from measurements import handlers, reconcile  # models are ready only now

        registry.on_delivery("measurements", handlers.store_delivery)
        registry.on_answer("measurements.list", reconcile.store_fetched)
        registry.on_failure("measurements.list", reconcile.not_fetched)
