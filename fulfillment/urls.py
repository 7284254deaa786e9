from django.urls import path

from fulfillment import views

urlpatterns = [
    path("c/<slug:clinic>/fulfillment/", views.shipments, name="shipments"),
    path("c/<slug:clinic>/fulfillment/special-orders/", views.special_orders, name="special-orders"),
]
