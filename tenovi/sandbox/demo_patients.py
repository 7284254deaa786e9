"""Define the invented patients of the simulated clinic, and what is particular about each.

The first two dozen are fixed, so that a demo always shows the same stories. A larger clinic repeats the
personas that have a `share`. No name, number or street belongs to a real person.
"""

from __future__ import annotations

from typing import NamedTuple

EASTERN = "America/New_York"
CENTRAL = "America/Chicago"
MOUNTAIN = "America/Denver"
PACIFIC = "America/Los_Angeles"
ARIZONA = "America/Phoenix"
INDIA = "Asia/Kolkata"


class Persona(NamedTuple):
    """How one patient uses which devices.

    `adherence` is the chance that a day has readings. `share` is its weight in a larger clinic. `ordered`
    are further devices that have not arrived. `story` names what is unusual: "battery" (the device reports
    only its battery), "monthly" (readings on one day a month), "silent" (delivered days ago and never used),
    "weak" (a gateway with poor signal, replaced once), "high" (values that worry a nurse), "address" (an
    order waits for a confirmed address).
    """

    devices: tuple[str, ...]
    timezone: str
    adherence: float
    story: str = ""
    share: int = 0
    ordered: tuple[str, ...] = ()


STEADY = Persona((), EASTERN, 0.9)
"""For patients that only API calls have named."""
PERSONAS = (
    Persona(("Tenovi BPM - L", "Tenovi Scale"), EASTERN, 0.95, share=16),
    Persona(("Tenovi BPM - S", "Tenovi Watch"), CENTRAL, 0.92, share=1),
    Persona(("Tenovi Glucometer", "Tenovi BPM - L"), MOUNTAIN, 0.9, share=6),
    Persona(("Tenovi Pulse Ox", "Tenovi Thermometer"), PACIFIC, 0.88, share=4),
    Persona(("Tenovi BPM - L", "Tenovi Scale"), EASTERN, 0.2, share=10),
    Persona(("Tenovi Cellular BPM - L",), ARIZONA, 0.93, share=16),
    Persona(("Tenovi Cellular Glucometer",), CENTRAL, 0.4, share=4),
    Persona(("Tenovi Cellular Scale",), EASTERN, 0.9, share=8),
    Persona(("Tenovi Cellular Pulse Ox",), PACIFIC, 0.3, share=3),
    Persona(("Tenovi Pillbox",), EASTERN, 0.93, share=2),
    Persona(("Hailie Sensor", "Tenovi Peak Flow Meter"), CENTRAL, 0.9, share=1),
    Persona(("PatchRx PatchCap",), MOUNTAIN, 0.9, share=1),
    Persona(("Tenovi Watch",), EASTERN, 0.97, "address", ordered=("Tenovi BPM - L",)),
    Persona(("Tenovi Scale",), CENTRAL, 0.9, "battery", share=1),
    Persona(("Tenovi BPM - S",), MOUNTAIN, 1.0, "monthly", share=3),
    Persona(("Tenovi BPM - L",), PACIFIC, 0.0, "silent", share=2),
    Persona(("Omron BPM",), ARIZONA, 0.8, share=6),
    Persona(("A&D Scale",), CENTRAL, 0.45, share=3),
    Persona(("Nonin Pulse Ox",), EASTERN, 0.85, share=3),
    Persona(("Tenovi BPM - L",), INDIA, 0.9, ordered=("Tenovi Scale",)),
    Persona(("Trividia Glucometer", "Omron Wrist BPM"), PACIFIC, 0.9, "high", share=4),
    Persona(("Tenovi Peak Flow Meter", "Tenovi Thermometer"), MOUNTAIN, 0.2, share=1),
    Persona(("Tenovi BPM - L",), EASTERN, 0.8, "weak", share=4),
    Persona(("Tenovi Glucometer", "Tenovi Scale", "Tenovi BPM - L"), CENTRAL, 0.22, share=6),
)

FIRST_NAMES = (
    *(
        "Marisol",
        "Dwight",
        "Aiyana",
        "Tomasz",
        "Priya",
        "Leonard",
        "Odessa",
        "Hiroshi",
        "Bernadette",
        "Kwame",
    ),
    *(
        "Ingrid",
        "Rosalind",
        "Mateo",
        "Delphine",
        "Clarence",
        "Yesenia",
        "Abdul",
        "Maureen",
        "Santiago",
        "Thandiwe",
    ),
    *(
        "Walter",
        "Nadia",
        "Ephraim",
        "Coral",
        "Lucinda",
        "Darnell",
        "Saoirse",
        "Viktor",
        "Amparo",
        "Josephine",
    ),
    *(
        "Rashid",
        "Eleanor",
        "Quincy",
        "Mei",
        "Harriet",
        "Desmond",
        "Paloma",
        "Gideon",
        "Beatrix",
        "Jamal",
        "Ottilie",
    ),
)
LAST_NAMES = (
    *(
        "Quenbrook",
        "Ferncastle",
        "Thistlemoor",
        "Okeridge",
        "Larkmont",
        "Brackenfold",
        "Hollowmere",
        "Wexelby",
    ),
    *(
        "Marrowdale",
        "Pellinor",
        "Greywater",
        "Sandoverre",
        "Applethorn",
        "Vantongeren",
        "Moonsong",
        "Castellamar",
    ),
    *(
        "Birchwhistle",
        "Ravensway",
        "Dunmarrow",
        "Elmsworthy",
        "Tidewell",
        "Foxhallow",
        "Ashgrovian",
        "Silverbeck",
    ),
    *("Winterbottomley", "Oakenshade", "Merriwyn", "Copperfen", "Stillwaite", "Highmarsh", "Nightingdale"),
)
STREETS = (
    "Larkspur Lane",
    "Old Mill Road",
    "Juniper Court",
    "Harbor View",
    "Second Street",
    "Orchard Way",
    "Pine Hollow",
)
PLACES = {
    EASTERN: ("Albany", "NY", "12207"),
    CENTRAL: ("Peoria", "IL", "61602"),
    MOUNTAIN: ("Pueblo", "CO", "81003"),
    PACIFIC: ("Fresno", "CA", "93721"),
    ARIZONA: ("Mesa", "AZ", "85201"),
    INDIA: ("Albany", "NY", "12207"),
}
PHYSICIANS = ("Dr. Imogen Starling", "Dr. Rufus Hawksley", "Dr. Amara Finchley")
CARE_MANAGERS = ("Nell Cartwhistle", "Oscar Plumridge")
