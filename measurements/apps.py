from django.apps import AppConfig

from tenovi import registry


class MeasurementsConfig(AppConfig):
    name = "measurements"

    def ready(self) -> None:
        from measurements import handlers, reconcile  # models are ready only now

        registry.on_delivery("measurements", handlers.store_delivery)
        for kind in ("measurements.list", "measurements.of_patient"):
            registry.on_answer(kind, reconcile.store_fetched)
            registry.on_failure(kind, reconcile.not_fetched)
