from django.apps import AppConfig


class FulfillmentConfig(AppConfig):
    name = "fulfillment"

    def ready(self) -> None:
        from fulfillment.orders import handlers as order_handlers  # models are ready only now
        from fulfillment.shipments import handlers as shipment_handlers
        from fulfillment.special_orders import handlers as special_order_handlers
        from tenovi import registry

        registry.add_requests(order_handlers.REQUESTS)
        registry.add_requests(special_order_handlers.REQUESTS)
        registry.add_deliveries(shipment_handlers.DELIVERIES)
        registry.add_deliveries(special_order_handlers.DELIVERIES)
