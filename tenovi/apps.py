from django.apps import AppConfig

from tenovi import registry


class TenoviConfig(AppConfig):
    name = "tenovi"

    def ready(self) -> None:
        from tenovi.registered_webhooks import handlers  # models are ready only now

        registry.on_answer("webhooks.list", handlers.store_webhooks)
        registry.on_payload("webhooks.create", handlers.webhook_to_register)
        registry.on_failure("webhooks.create", handlers.look_for_lost)
        registry.on_answer("webhooks.delete", handlers.store_removed)
