from django.apps import AppConfig

from tenovi import registry


class FulfillmentConfig(AppConfig):
    name = "fulfillment"

    def ready(self) -> None:
        from fulfillment import ask_handlers, handlers, order_outcomes  # models are ready only now
        from fulfillment.models import Replacement, SupplyRequest

        registry.on_delivery("fulfillment", handlers.store_fulfillment)
        registry.on_delivery("special-orders", handlers.store_special_orders)
        registry.on_payload("devices.create", order_outcomes.order_to_send)
        registry.on_answer("devices.create", order_outcomes.store_created)
        registry.on_failure("devices.create", order_outcomes.not_created)
        for kind in ("devices.of_patient", "devices.on_hardware"):
            registry.on_answer(kind, handlers.store_devices_looked_through)
            registry.on_failure(kind, order_outcomes.look_failed)
        registry.before_sending("replacements.create", ask_handlers.check_still_meant(Replacement))
        registry.before_sending("supply_requests.create", ask_handlers.check_still_meant(SupplyRequest))
        registry.on_payload("replacements.create", ask_handlers.replacement_to_send)
        registry.on_answer("replacements.create", ask_handlers.store_replacement)
        registry.on_failure("replacements.create", ask_handlers.not_sent(Replacement))
        registry.on_answer("replacements.delete", ask_handlers.withdrawn(Replacement))
        registry.on_failure("replacements.delete", ask_handlers.not_withdrawn(Replacement))
        registry.on_answer("replacements.list", ask_handlers.store_replacements)
        registry.on_failure("replacements.list", ask_handlers.not_listed)
        registry.on_payload("supply_requests.create", ask_handlers.supply_to_send)
        registry.on_answer("supply_requests.create", ask_handlers.store_supply_request)
        registry.on_failure("supply_requests.create", ask_handlers.not_sent(SupplyRequest))
        registry.on_answer("supply_requests.delete", ask_handlers.withdrawn(SupplyRequest))
        registry.on_failure("supply_requests.delete", ask_handlers.not_withdrawn(SupplyRequest))
        registry.on_answer("supply_requests.list", ask_handlers.store_supply_requests)
        registry.on_failure("supply_requests.list", ask_handlers.module_closed)
        registry.on_answer("supply_types.list", ask_handlers.store_types)
        registry.on_failure("supply_types.list", ask_handlers.no_types)
        registry.on_answer("bulk_orders.list", ask_handlers.store_bulk_orders)
        registry.on_failure("bulk_orders.list", ask_handlers.not_listed)
