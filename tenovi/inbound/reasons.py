"""Every reason we give for not simply storing something, with the sentence people read.

A closed list: scripts rely on the codes (`docs/reasons.md` is checked against it by a test).
"""

from __future__ import annotations

REJECTED = {
    "not_json": "The body is not JSON.",
    "no_object": "The JSON holds no object at its top or in its list.",
    "too_many_elements": "The list holds more than 10,000 elements, more than readings could fit in.",
    "too_deep": "The JSON is nested more than 64 levels deep.",
    "number_too_long": "The JSON holds a number too long to read.",
    "form_body": "The body was sent as a form, not as JSON.",
    "compressed_body": "The body was sent compressed.",
    "too_large": "The body was larger than 1 MiB; only its size was kept.",
}

QUARANTINED = {
    "not_an_object": "This element of the list is not an object.",
    "empty_object": "This element is empty.",
    "repeated_member": "A member is named twice, so its meaning is uncertain.",
    "wrong_door": "This looks like a payload of another webhook.",
    "metric_missing": "The metric is missing.",
    "metric_too_long": "The name of the metric is longer than 100 characters.",
    "device_id_unusable": "The device id is missing or not a UUID.",
    "value_missing": "The first value is missing.",
    "value_unusable": "A value is not a plain number.",
    "value_too_large": "A value has too many digits to be a reading.",
    "value_impossible": "A value is physically impossible for this metric.",
    "value_beyond_any_body": "A value is beyond what any body can have; the device may be at fault.",
    "diastolic_missing": "The diastolic pressure is missing.",
    "time_missing": "The time of the reading is missing.",
    "time_unusable": "The time of the reading cannot be understood.",
    "time_before_2015": "The time of the reading is before 2015.",
    "time_in_future": "The time of the reading is more than 48 hours ahead.",
    "status_missing": "The status is missing or not text.",
    "request_id_unusable": "The request id of the order is missing or too long.",
    "patient_id_unusable": "The patient id is neither text nor a whole number, or is too long.",
    "unknown_device": "The device is not known yet; the vendor is being asked about it.",
    "wrong_patient": "The payload names another patient than the device was assigned to when it was taken, and no "
    "handover known here and at Tenovi explains it.",
    "internal_error": "Storing this failed five times; the log has the error.",
}

SETTLED = {
    "already_stored": "The same reading is stored already.",
    "repeated_log_entry": "The device sent this entry of its log before, up to a minute apart.",
    "newer_bin": "A later upload of the same hour replaced the earlier one.",
    "repeated_event": "The vendor repeated its latest news about this device.",
    "newer_update": "A newer or fuller message about the same step of this order replaced the earlier one.",
    "no_newer_update": "A message as new and full about the same step of this order is stored already.",
}

PENDING = {"not_settled": "Storing this failed; it is tried again by itself."}

SENTENCES = REJECTED | QUARANTINED | SETTLED | PENDING


def sentence(code: str) -> str:
    return SENTENCES.get(code, code)
