from django.apps import AppConfig

from tenovi import registry


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        from devices import handlers, hardware_log, property_handlers  # models are ready only now
        from devices.actions import ending

        registry.on_answer("devices.list", handlers.store_devices)
        registry.on_answer("devices.read", handlers.store_device)
        registry.on_answer("device_types.list", handlers.store_device_types)
        registry.on_answer("gateways.list", handlers.store_gateways)
        registry.on_answer("gateways.read", handlers.store_gateway)
        registry.on_answer("hardware_log.list", handlers.store_hardware_changes)
        registry.on_answer("hardware_log.search", handlers.store_hardware_search)
        for log in ("hardware_log.list", "hardware_log.search"):
            registry.on_failure(log, hardware_log.note_failure)
        registry.on_payload("devices.update", handlers.patient_to_attach)
        registry.on_answer("devices.update", handlers.store_holder)
        registry.on_answer("devices.with_property", property_handlers.ask_about_listed)
        registry.on_answer("properties.list", property_handlers.store_properties)
        registry.on_answer("webhooks.create", property_handlers.store_registered_webhook)
        registry.before_sending("properties.set", property_handlers.check_still_meant)
        registry.on_payload("properties.set", property_handlers.value_to_send)
        registry.on_answer("properties.set", property_handlers.store_set)
        for kind in ending.ENDS:
            registry.before_sending(kind, ending.check_still_meant)
        registry.on_answer("devices.unlink", handlers.store_unlinked)
        registry.on_answer("devices.delete", handlers.store_deleted)
        registry.on_failure("devices.delete", handlers.note_refusal)
