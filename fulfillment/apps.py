from django.apps import AppConfig

from tenovi import registry


class FulfillmentConfig(AppConfig):
    name = "fulfillment"

    def ready(self) -> None:
        from fulfillment import handlers  # models are ready only now

        registry.on_delivery("fulfillment", handlers.store_fulfillment)
        registry.on_delivery("special-orders", handlers.store_special_orders)
