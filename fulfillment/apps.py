from django.apps import AppConfig

from tenovi import registry


class FulfillmentConfig(AppConfig):
    name = "fulfillment"

    def ready(self) -> None:
        from fulfillment import handlers, order_outcomes  # models are ready only now

        registry.on_delivery("fulfillment", handlers.store_fulfillment)
        registry.on_delivery("special-orders", handlers.store_special_orders)
        registry.on_payload("devices.create", order_outcomes.order_to_send)
        registry.on_answer("devices.create", order_outcomes.store_created)
        registry.on_failure("devices.create", order_outcomes.not_created)
        registry.on_answer("devices.of_patient", handlers.store_devices_of_patient)
        registry.on_failure("devices.of_patient", order_outcomes.look_failed)
