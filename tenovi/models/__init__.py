from tenovi.models.ledger import Delivery, DeliveryItem, DoorCount

__all__ = ["Delivery", "DeliveryItem", "DoorCount"]
