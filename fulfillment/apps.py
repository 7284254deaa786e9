from django.apps import AppConfig

from tenovi import registry


class FulfillmentConfig(AppConfig):
    name = "fulfillment"

    def ready(self) -> None:
        from fulfillment.models import Replacement, SupplyRequest
        from fulfillment.orders import handlers as orders_handlers
        from fulfillment.orders import (
            search,  # models are ready only now
            sending,
        )
        from fulfillment.shipments import handlers
        from fulfillment.special_orders import handlers as special_orders_handlers

        registry.on_delivery("fulfillment", handlers.store_fulfillment)
        registry.on_delivery("special-orders", special_orders_handlers.store_special_orders)
        registry.on_payload("devices.create", sending.order_to_send)
        registry.on_answer("devices.create", sending.store_created)
        registry.on_failure("devices.create", sending.not_created)
        for kind in ("devices.of_patient", "devices.on_hardware"):
            registry.on_answer(kind, orders_handlers.store_devices_looked_through)
            registry.on_failure(kind, search.look_failed)
        registry.before_sending("replacements.create", special_orders_handlers.check_still_meant(Replacement))
        registry.before_sending(
            "supply_requests.create", special_orders_handlers.check_still_meant(SupplyRequest)
        )
        registry.on_payload("replacements.create", special_orders_handlers.replacement_to_send)
        registry.on_answer("replacements.create", special_orders_handlers.store_replacement)
        registry.on_failure("replacements.create", special_orders_handlers.not_sent(Replacement))
        registry.on_answer("replacements.delete", special_orders_handlers.withdrawn(Replacement))
        registry.on_failure("replacements.delete", special_orders_handlers.not_withdrawn(Replacement))
        registry.on_answer("replacements.list", special_orders_handlers.store_replacements)
        registry.on_failure("replacements.list", special_orders_handlers.not_listed)
        registry.on_payload("supply_requests.create", special_orders_handlers.supply_to_send)
        registry.on_answer("supply_requests.create", special_orders_handlers.store_supply_request)
        registry.on_failure("supply_requests.create", special_orders_handlers.not_sent(SupplyRequest))
        registry.on_answer("supply_requests.delete", special_orders_handlers.withdrawn(SupplyRequest))
        registry.on_failure("supply_requests.delete", special_orders_handlers.not_withdrawn(SupplyRequest))
        registry.on_answer("supply_requests.list", special_orders_handlers.store_supply_requests)
        registry.on_failure("supply_requests.list", special_orders_handlers.module_closed)
        registry.on_answer("supply_types.list", special_orders_handlers.store_types)
        registry.on_failure("supply_types.list", special_orders_handlers.no_types)
        registry.on_answer("bulk_orders.list", special_orders_handlers.store_bulk_orders)
        registry.on_failure("bulk_orders.list", special_orders_handlers.not_listed)
