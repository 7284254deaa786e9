from django.apps import AppConfig


class TenoviConfig(AppConfig):
    name = "tenovi"
