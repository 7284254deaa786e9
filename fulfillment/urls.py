from django.urls import path

from fulfillment import ask_views, hardware_views, order_form_views, order_views, parcel_views, views

FULFILLMENT = "c/<slug:clinic>/fulfillment/"
REPLACEMENT = FULFILLMENT + "replacements/<uuid:replacement_id>/"
SUPPLY = FULFILLMENT + "supplies/<uuid:supply_id>/"
ORDER = "c/<slug:clinic>/orders/<uuid:order_id>/"

urlpatterns = [
    path(ORDER, order_views.order, name="order"),
    path(ORDER + "told/", order_views.order_told, name="order-told"),
    path(
        "c/<slug:clinic>/devices/<uuid:device_id>/hardware/",
        hardware_views.device_hardware,
        name="device-hardware",
    ),
    path(ORDER + "decide/", order_views.decide_order, name="order-decide"),
    path(FULFILLMENT, views.shipments, name="shipments"),
    path(FULFILLMENT + "export.csv", parcel_views.export, name="shipments-export"),
    path(FULFILLMENT + "orders/", parcel_views.orders, name="orders"),
    path(FULFILLMENT + "orders/new/", order_form_views.choose_patient, name="order-for"),
    path(FULFILLMENT + "orders/new/stock/", order_form_views.order_into_stock, name="order-into-stock"),
    path(ORDER + "shipped/", parcel_views.order_shipped, name="order-shipped"),
    path(FULFILLMENT + "to-ship/", parcel_views.shipping_list, name="to-ship"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/order/", order_form_views.order_new, name="order-new"),
    path(FULFILLMENT + "special-orders/", views.special_orders, name="special-orders"),
    path(FULFILLMENT + "special-orders/<uuid:special_order_id>/", views.special_order, name="special-order"),
    path(FULFILLMENT + "replacements/", ask_views.replacements, name="replacements"),
    path(REPLACEMENT, ask_views.replacement, name="replacement"),
    path(REPLACEMENT + "act/", ask_views.replacement_act, name="replacement-act"),
    path(
        "c/<slug:clinic>/devices/<uuid:device_id>/replace/", ask_views.replacement_new, name="replacement-new"
    ),
    path(FULFILLMENT + "supplies/", ask_views.supplies, name="supplies"),
    path(SUPPLY, ask_views.supply, name="supply"),
    path(SUPPLY + "act/", ask_views.supply_act, name="supply-act"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/supplies/", ask_views.supply_new, name="supply-new"),
]
