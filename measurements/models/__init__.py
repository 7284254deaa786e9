from measurements.models.measurement import (
    LatestReading,
    LocalDateRule,
    Measurement,
    Source,
    Threshold,
    VitalDay,
)
from measurements.models.reconciliation import Cause, DeviceCheck, Reconciliation, Verification

__all__ = [
    "Cause",
    "DeviceCheck",
    "LatestReading",
    "LocalDateRule",
    "Measurement",
    "Reconciliation",
    "Source",
    "Threshold",
    "Verification",
    "VitalDay",
]
