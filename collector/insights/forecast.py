"""When a target will be reached at the present pace, and how sure that is.

The pace is the mean of the last two weeks' complete days, so that each weekday counts twice. The interval comes from a
bootstrap in two steps (B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 25):
each of a thousand futures first draws its own two weeks, with replacement, from the observed days, because they might
have gone otherwise; then it draws one day after the other from these until nothing is missing. A Poisson interval
would be too narrow: approvals come in bursts, whenever a reviewer sits down. What it can't know is a change to come: a
holiday, a reminder, a closing date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from collector.insights.forecasts import Forecast, Gap
from collector.insights.periods import after

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

LEAST_DAYS = 7
LEAST_DONE = 5
LEAST_BUSY = 3  # days on which anything was approved
HORIZON = 366
FUTURES = 1_000
SEED = 15_011
LEVEL = 0.8


def forecast(daily: Sequence[int], missing: int, today: date, *, seed: int = SEED) -> Forecast:
    """Forecast the day on which nothing is missing any more.

    Args:
        daily: what was approved on each of the last complete days, at most ``periods.WINDOW``.
        missing: what is wanted beyond what there is.
        today: futures begin on the day after.
        seed: the same seed draws the same futures.
    """
    days, done = np.asarray(daily, dtype=np.int64), int(sum(daily))
    per_day = done / len(days) if len(days) else None
    gap = _gap(days, missing)
    if gap is not None or per_day is None:
        return Forecast(gap=gap or Gap.TOO_FEW_DAYS, per_day=per_day, days=len(days), approved=done)
    wait = int(np.ceil(missing / per_day - 1e-9))
    if wait > HORIZON:
        return Forecast(gap=Gap.BEYOND, per_day=per_day, days=len(days), approved=done)
    waits = _futures(days, missing, seed)
    tail = (1 - LEVEL) / 2
    # A place in the sorted futures and no mean of two: one of them may be endless.
    early, late = (float(end) for end in np.quantile(waits, [tail, 1 - tail], method="nearest"))
    return Forecast(
        gap=None,
        per_day=per_day,
        days=len(days),
        approved=done,
        day=after(today, wait),
        early=after(today, min(wait, int(early))) if np.isfinite(early) else after(today, wait),
        late=after(today, max(wait, int(late))) if np.isfinite(late) else None,
    )


def _gap(days: NDArray[np.int64], missing: int) -> Gap | None:
    if missing <= 0:
        return Gap.DONE
    if len(days) < LEAST_DAYS:
        return Gap.TOO_FEW_DAYS
    if not days.sum():
        return Gap.NOTHING
    if days.sum() < LEAST_DONE or (days > 0).sum() < LEAST_BUSY:
        return Gap.TOO_LITTLE
    return None


def _futures(days: NDArray[np.int64], missing: int, seed: int) -> NDArray[np.float64]:
    """Return how many days each future takes; infinite where the horizon comes first."""
    rng = np.random.default_rng(seed)
    drawn = rng.choice(days, size=(FUTURES, len(days)))
    places = rng.integers(0, len(days), size=(FUTURES, HORIZON))
    done = np.cumsum(np.take_along_axis(drawn, places, axis=1), axis=1)
    waits: NDArray[np.float64] = 1.0 + (done < missing).sum(axis=1)
    waits[done[:, -1] < missing] = np.inf
    return waits
