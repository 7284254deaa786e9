from django.urls import path

from fulfillment import views
from fulfillment.orders import form_views, hardware_views
from fulfillment.orders import views as orders_views
from fulfillment.special_orders import views as special_orders_views

FULFILLMENT = "c/<slug:clinic>/fulfillment/"
REPLACEMENT = FULFILLMENT + "replacements/<uuid:replacement_id>/"
SUPPLY = FULFILLMENT + "supplies/<uuid:supply_id>/"
ORDER = "c/<slug:clinic>/orders/<uuid:order_id>/"

urlpatterns = [
    path(ORDER, orders_views.order, name="order"),
    path(ORDER + "told/", orders_views.order_told, name="order-told"),
    path(
        "c/<slug:clinic>/devices/<uuid:device_id>/hardware/",
        hardware_views.device_hardware,
        name="device-hardware",
    ),
    path(ORDER + "decide/", orders_views.decide_order, name="order-decide"),
    path(FULFILLMENT, views.shipments, name="shipments"),
    path(FULFILLMENT + "export.csv", views.export, name="shipments-export"),
    path(FULFILLMENT + "orders/", orders_views.orders, name="orders"),
    path(FULFILLMENT + "orders/new/", form_views.choose_patient, name="order-for"),
    path(FULFILLMENT + "orders/new/stock/", form_views.order_into_stock, name="order-into-stock"),
    path(ORDER + "shipped/", orders_views.order_shipped, name="order-shipped"),
    path(FULFILLMENT + "to-ship/", orders_views.shipping_list, name="to-ship"),
    path("c/<slug:clinic>/patients/<uuid:patient_id>/order/", form_views.order_new, name="order-new"),
    path(FULFILLMENT + "special-orders/", special_orders_views.special_orders, name="special-orders"),
    path(
        FULFILLMENT + "special-orders/<uuid:special_order_id>/",
        special_orders_views.special_order,
        name="special-order",
    ),
    path(FULFILLMENT + "replacements/", special_orders_views.replacements, name="replacements"),
    path(REPLACEMENT, special_orders_views.replacement, name="replacement"),
    path(REPLACEMENT + "act/", special_orders_views.replacement_act, name="replacement-act"),
    path(
        "c/<slug:clinic>/devices/<uuid:device_id>/replace/",
        special_orders_views.replacement_new,
        name="replacement-new",
    ),
    path(FULFILLMENT + "supplies/", special_orders_views.supplies, name="supplies"),
    path(SUPPLY, special_orders_views.supply, name="supply"),
    path(SUPPLY + "act/", special_orders_views.supply_act, name="supply-act"),
    path(
        "c/<slug:clinic>/patients/<uuid:patient_id>/supplies/",
        special_orders_views.supply_new,
        name="supply-new",
    ),
]
