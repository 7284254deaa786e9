"""Play the vendor over real HTTP, for newcomers without an account and for tests.

The sandbox runs in its own process (`python -m tenovi.sandbox`), without Django, and imports nothing of
the product but the catalogue. `simulation` makes patients and readings, `server` answers like the vendor's
API, `live_readings` posts webhooks, `faults` spoils answers on demand.
"""
