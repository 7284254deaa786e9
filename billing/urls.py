from django.urls import path

from billing import views

urlpatterns = [
    path("c/<slug:clinic>/billing/", views.month, name="billing"),
    path("c/<slug:clinic>/billing/vital-days.<slug:form>", views.export, name="billing-export"),
    path("c/<slug:clinic>/billing/<uuid:patient_id>/<iso:day>/", views.day, name="billing-day"),
]
