"""What a reading may say beside its value: a word, and a bit in the `flags` of a series."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """One remark on a reading.

    `bit` is its part of a point's `flags`, 0 for what no chart shows. A flag with an `explanation` is a mark: it
    has a shape of its own in `img/marks.svg`, never colour alone, and stands in the guide below the charts.
    """

    word: str
    bit: int
    explanation: str = ""


FLAGS = {
    "estimated": Flag("time estimated", 1, "The device had lost its clock; the vendor estimated the time."),
    # At the vendor more than 24 hours after it was taken, an hour of a watch after it was over.
    "late": Flag("arrived late", 2, "Tenovi received it more than 24 hours after it was taken."),
    "delayed": Flag(
        "reached us late",
        0,
        "Tenovi had it more than 24 hours before it was here: the webhook was missed.",
    ),
    "excluded": Flag("excluded", 4, "A person excluded this reading; it counts for nothing."),
    "conflict": Flag("conflict", 8, "The device sent another value for the same reading; both are kept."),
    "above_range": Flag("above meter range", 16, "The meter reported a value above what it can measure."),
    "pre_prandial": Flag("before meal", 32),
    "post_prandial": Flag("after meal", 64),
    "fasting": Flag("fasting", 128),
}
MARKS = {name: flag for name, flag in FLAGS.items() if flag.explanation}
MEALS = {name: flag for name, flag in FLAGS.items() if not flag.explanation}
"""When a glucose was measured; the vendor writes `pre-prandial`."""
BITS = {name: flag.bit for name, flag in FLAGS.items() if flag.bit}
"""Bits of a point's `flags`."""
