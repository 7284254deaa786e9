from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        from devices import handlers, property_handlers  # models are ready only now
        from tenovi import registry

        registry.add_requests(handlers.REQUESTS)
        registry.add_requests(property_handlers.REQUESTS)
