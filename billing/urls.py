from django.urls import path

from billing import period_views, views

urlpatterns = [
    path("c/<slug:clinic>/billing/", views.month, name="billing"),
    path("c/<slug:clinic>/billing/vital-days.<slug:form>", views.export, name="billing-export"),
    path("c/<slug:clinic>/billing/<uuid:patient_id>/periods/", period_views.periods, name="billing-periods"),
    path(
        "c/<slug:clinic>/billing/<uuid:patient_id>/periods/set/",
        period_views.set_periods,
        name="billing-periods-set",
    ),
    path("c/<slug:clinic>/billing/<uuid:patient_id>/<iso:day>/", views.day, name="billing-day"),
]
