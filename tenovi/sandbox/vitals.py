"""Decide when people use their devices, and what the devices measure then.

Pure functions of a day and a random source, one class for each family of devices. Values drift slowly
with the date, so that a chart shows weeks of trend and not only noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple, Protocol

HOUR = 3600
SUNDAY = 6  # as date.weekday() counts


class Sample(NamedTuple):
    """One value or pair of values, `after` seconds into the reading.

    `partial`: an hourly bin that is uploaded before its hour is over, and again later.
    """

    metric: str
    value_1: float
    value_2: float = 0.0
    context: dict[str, Any] | None = None
    after: float = 0.0
    partial: bool = False


class Day(NamedTuple):
    """A local date: its ordinal (`date.toordinal`) and its weekday."""

    ordinal: int
    weekday: int


@dataclass(frozen=True, slots=True)
class Body:
    """The values around which one patient's readings vary."""

    systolic: float
    diastolic: float
    pulse: float
    weight: float
    glucose: float
    oxygen: float
    flow: float
    steps: float
    irregular: float
    phase: float

    @classmethod
    def of(cls, random: Random, worrying: bool) -> Body:
        return cls(
            systolic=random.uniform(152, 168) if worrying else random.uniform(116, 142),
            diastolic=random.uniform(90, 98) if worrying else random.uniform(70, 86),
            pulse=random.uniform(60, 82),
            weight=random.uniform(138, 246),
            glucose=random.uniform(165, 190) if worrying else random.uniform(98, 132),
            oxygen=random.uniform(94.5, 97.5),
            flow=random.uniform(340, 470),
            steps=random.uniform(180, 520),
            irregular=random.choice((0.0, 0.01, 0.06)),
            phase=random.uniform(0, math.tau),
        )

    def drift(self, day: Day, period: float = 75) -> float:
        """Return a slow wave between -1 and 1, the same for a date however long the history is."""
        return math.sin(day.ordinal * math.tau / period + self.phase)


class Habit(Protocol):
    def times(self, day: Day, random: Random) -> list[float]:
        """Return the seconds after local midnight at which the device is used."""
        ...

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        """Yield the samples of one use. The first is taken at `second`."""
        ...


def around(random: Random, hour: float, spread: float = 0.6) -> float:
    return min(max(random.gauss(hour, spread), 0.2), 23.6) * HOUR


class Pressure:
    def times(self, day: Day, random: Random) -> list[float]:
        morning, evening = around(random, 7.6), around(random, 20.2)
        if random.random() < 0.06:  # measured again at once: the same minute, another index
            return [morning, morning, evening]
        return [morning, evening] if random.random() < 0.75 else [morning]

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        evening = 4 if second > 12 * HOUR else 0
        shared = random.gauss(0, 5) + evening + 5 * body.drift(day)
        systolic, diastolic = body.systolic + shared, body.diastolic + shared * 0.5 + random.gauss(0, 2)
        yield Sample("blood_pressure", round(systolic), round(min(diastolic, systolic - 20)))
        yield Sample("pulse", round(body.pulse + random.gauss(0, 4) - 3 * body.drift(day)))
        if random.random() < body.irregular:
            yield Sample("irregular_heartbeat", 1)


class Oxygen:
    def times(self, day: Day, random: Random) -> list[float]:
        return [around(random, 9)] + ([around(random, 18.5, 1)] if random.random() < 0.4 else [])

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        saturation = min(round(body.oxygen + random.gauss(0, 0.9) + 0.6 * body.drift(day)), 100)
        yield Sample("spO2", saturation, random.uniform(0.2, 0.9))
        yield Sample("pulse", round(body.pulse + random.gauss(0, 3)), random.uniform(0.5, 2))
        yield Sample("perfusion_index", max(random.gauss(4.2, 1.1), 0.4), random.uniform(0.1, 0.5))


class Glucose:
    def times(self, day: Day, random: Random) -> list[float]:
        checked = [6.2 * HOUR] if day.ordinal % 31 == 0 else []  # the meter's monthly check
        fasting, evening = around(random, 7), around(random, 19, 0.8)
        return [*checked, fasting, evening] if random.random() < 0.6 else [*checked, fasting]

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        if second == 6.2 * HOUR:
            yield Sample(
                "glucose", round(random.gauss(121, 4)), context={"measurement_location": "control solution"}
            )
            return
        level = body.glucose + random.gauss(0, 11) + 9 * body.drift(day)
        context: dict[str, Any] = {"meal_context": "fasting", "measurement_location": "finger"}
        if second > 12 * HOUR:
            after_meal = random.random() < 0.7
            context["meal_context"] = "post-prandial" if after_meal else "pre-prandial"
            level += 38 if after_meal else 8
        if random.random() < 0.002:
            level, context["alert"] = 600, "sensor_result_above_range"
        yield Sample("glucose", round(max(level, 62)), context=context)


class Weight:
    def times(self, day: Day, random: Random) -> list[float]:
        return [around(random, 7.1, 0.5)]

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        yield Sample("weight", body.weight + 3.2 * body.drift(day, 110) + random.gauss(0, 0.6))


class Temperature:
    def times(self, day: Day, random: Random) -> list[float]:
        return [around(random, 8.5)]

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        feverish = 2.1 if day.ordinal % 53 < 2 else 0
        yield Sample("temperature", random.gauss(97.9, 0.3) + feverish)


class PeakFlow:
    def times(self, day: Day, random: Random) -> list[float]:
        return [around(random, 7.3)] + ([around(random, 20.6)] if random.random() < 0.5 else [])

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        flow = body.flow + random.gauss(0, 14) + 22 * body.drift(day)
        yield Sample("peak_expiratory_flow", round(flow))
        yield Sample("forced_expiratory_volume", flow / 148 + random.gauss(0, 0.05))


class Watch:
    """Worn all day. One upload in the evening, before the hour it happens in is over."""

    upload = 20.4 * HOUR

    def times(self, day: Day, random: Random) -> list[float]:
        return [float(hour * HOUR) for hour in range(24)]

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        hour = int(second / HOUR)
        awake = 7 <= hour <= 21
        steps = round(body.steps * random.uniform(0.3, 2.1)) if awake else 0
        mean = round(body.pulse + (8 if awake else -9) + random.gauss(0, 3))
        most = mean + random.randint(6, 34 if awake else 12)
        if hour == int(self.upload / HOUR):
            yield Sample("steps", steps // 3, context=self._context(), partial=True)
        yield Sample("steps", steps, context=self._context())
        pulses = {
            "average_heart_rate": mean,
            "max_heart_rate": most,
            "min_heart_rate": mean - random.randint(4, 12),
        }
        yield Sample("heart_rate_statistics", mean, most, pulses | {"period": 60} | self._context())
        if hour == 6:
            yield Sample("sleep", random.uniform(5.2, 8.3))

    def _context(self) -> dict[str, Any]:
        return {"wearable_code": 0}


class Pillbox:
    days = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

    def times(self, day: Day, random: Random) -> list[float]:
        doses = [around(random, 8, 0.4), around(random, 20, 0.5)]
        taken = [dose for dose in doses if random.random() < 0.94]
        return [*taken, 16.5 * HOUR] if day.weekday == SUNDAY else taken

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        if second == 16.5 * HOUR:
            yield from self._refill()
            return
        compartment, half = (day.weekday + 1) % 7 + 1, 1 if second < 14 * HOUR else 2
        yield Sample("pillbox_opened", compartment, half, self._context(compartment, half))

    def _refill(self) -> Iterator[Sample]:
        yield Sample("pillbox_refill_initiated", 1)
        for place in range(14):
            compartment, half = place // 2 + 1, place % 2 + 1
            context = self._context(compartment, half)
            yield Sample("pillbox_refilled", compartment, half, context, after=7 + 4.0 * place)

    def _context(self, compartment: int, half: int) -> dict[str, Any]:
        return {"compartment": f"{self.days[compartment - 1]} {'AM' if half == 1 else 'PM'}"}


class Inhaler:
    """Cap off, shake, puff with its two logs, cap on; every entry has its place in the device's log."""

    angles = ("0 to 22.5", "22.5 to 45", "45 to 67.5")

    def times(self, day: Day, random: Random) -> list[float]:
        return [around(random, 7.5, 0.5), around(random, 20.8, 0.5)]

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        entry = (day.ordinal % 300) * 40 + (20 if second > 12 * HOUR else 0)
        angle = random.choice(self.angles)
        orientation = dict.fromkeys(("respiration_enabled", "orientation_enabled", "orientation_stored"), 1)
        breath = {"inhalation_valid": 1, "flow_error": 0, "exhalation_detected": 0}
        flow, length = random.gauss(58, 6), random.uniform(1.8, 3.1)
        script = [
            ("hailie_medication_cap_event", 0, 0, "NA", {}, 0),
            ("hailie_shake_detection_event", 1, random.uniform(2, 4.5), "NA", {"shake_intensity": 4}, 3),
            ("hailie_medication_event", 1, 0, angle, orientation | {"orientation_valid": 1}, 11),
            ("hailie_respiratory_flow_log", flow, flow * 0.62, angle, breath, 11),
            ("hailie_respiratory_timing_log", length, length * 0.27, angle, breath, 11),
            ("hailie_medication_cap_event", 1, 0, "NA", {}, 26),
        ]
        if day.ordinal % 30 == 0 and second < 12 * HOUR:
            script.insert(0, ("hailie_inhaler_installed_event", 1, 0, "NA", {}, 0))
        if day.ordinal % 60 == 0:
            script.append(("low_battery_event", 0, 0, "NA", {}, 30))
        for place, (metric, value_1, value_2, angle_held, flags, after) in enumerate(script, start=1):
            context = {"angle": angle_held, "flags": flags, "device_log_index": entry + place}
            yield Sample(metric, value_1, value_2, context, after=after)


class Cap:
    """A bottle cap: opened and closed once or twice a day, or one event that nothing happened."""

    def times(self, day: Day, random: Random) -> list[float]:
        doses = [around(random, 8, 0.5), around(random, 20, 0.7)]
        taken = [dose for dose in doses if random.random() < 0.85]
        return taken or [23.5 * HOUR]

    def measure(self, body: Body, day: Day, second: float, random: Random) -> Iterator[Sample]:
        if second == 23.5 * HOUR:
            yield Sample("no_measurement_event", 1)
            return
        yield Sample("patchcap_open_close_event", 1)
        yield Sample("patchcap_open_close_event", 0, after=random.randint(8, 70))
        if day.weekday == SUNDAY:
            yield Sample("patchcap_time_updated_event", 1, after=90)
            yield Sample("patchcap_bluetooth_event", 1, after=91)


# Keyed by the first metric of a device's kind in the catalogue.
HABITS: dict[str, Habit] = {
    "blood_pressure": Pressure(),
    "spO2": Oxygen(),
    "glucose": Glucose(),
    "weight": Weight(),
    "temperature": Temperature(),
    "peak_expiratory_flow": PeakFlow(),
    "steps": Watch(),
    "pillbox_opened": Pillbox(),
    "hailie_medication_event": Inhaler(),
    "patchcap_open_close_event": Cap(),
}
