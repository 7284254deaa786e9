from django.apps import AppConfig

from tenovi import registry


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        from devices import handlers  # models are ready only now

        registry.on_answer("devices.list", handlers.store_devices)
        registry.on_answer("devices.read", handlers.store_device)
        registry.on_payload("devices.update", handlers.patient_to_attach)
        registry.on_answer("devices.update", handlers.store_device)
        registry.on_answer("devices.unlink", handlers.store_device)
