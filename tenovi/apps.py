from django.apps import AppConfig

from tenovi import registry


class TenoviConfig(AppConfig):
    name = "tenovi"

    def ready(self) -> None:
        from tenovi import webhook_answers  # models are ready only now

        registry.on_answer("webhooks.list", webhook_answers.store_webhooks)
        registry.on_payload("webhooks.create", webhook_answers.webhook_to_register)
        registry.on_failure("webhooks.create", webhook_answers.look_for_lost)
        registry.on_answer("webhooks.delete", webhook_answers.store_removed)
