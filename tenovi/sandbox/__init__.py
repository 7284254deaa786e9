"""The vendor, played over real HTTP: for newcomers without an account, and for tests.

It runs in a process of its own (`python -m tenovi.sandbox`), knows no Django and imports nothing of
the product but the catalogue. `simulation` makes patients and readings, `server` answers like the
vendor's API, `live` pushes webhooks, `faults` lets it misbehave on demand.
"""
