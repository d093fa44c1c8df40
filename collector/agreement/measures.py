"""The names of what is measured; apart from the counting, so that pages know them without loading numpy."""

from __future__ import annotations

from enum import StrEnum


class Scale(StrEnum):
    """How far apart two answers are."""

    NOMINAL = "nominal"  # the same or not
    ORDINAL = "ordinal"  # by how many answers lie between their ranks
    INTERVAL = "interval"  # by their difference
    RATIO = "ratio"  # by their difference in proportion to their sum


class Measure(StrEnum):
    """What is measured about reviews."""

    DECISION = "decision"
    INSTRUCTION = "instruction"
    RESPONSE = "response"
    INSTRUCTION_MEAN = "instruction_mean"
    RESPONSE_MEAN = "response_mean"
    GOLD = "gold"
    SECONDS = "seconds"
    OVERTURNED = "overturned"


ALPHAS = (Measure.DECISION, Measure.INSTRUCTION, Measure.RESPONSE)
MEANS = (Measure.INSTRUCTION_MEAN, Measure.RESPONSE_MEAN)
SHARES = (Measure.GOLD, Measure.OVERTURNED)
