from django.apps import AppConfig
from django.urls import register_converter

from common.url_converters import AnyText, IsoDate


class ClinicsConfig(AppConfig):
    name = "clinics"

    def ready(self) -> None:
        register_converter(IsoDate, "iso")
        register_converter(AnyText, "any")
