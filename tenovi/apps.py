from django.apps import AppConfig


class TenoviConfig(AppConfig):
    name = "tenovi"

    def ready(self) -> None:
        from tenovi import registry  # models are ready only now
        from tenovi.registered_webhooks import handlers

        registry.add_requests(handlers.REQUESTS)
