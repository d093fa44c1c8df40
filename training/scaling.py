"""How loss falls with data: a power law fitted to a few sizes, with an interval for what it says of more."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

DRAWS = 400
LEVEL = 0.95
FEWEST_SIZES = 3
STEEPEST, FLATTEST = 2.0, 0.01
FEWEST_ROWS = 10  # held-out ones: a bootstrap of fewer only knows these, and looks surer than it is
NOTHING = 0.001  # nats: a tenth of a percent of perplexity
ALL = ""
"""The name of the curve of all categories together."""


def shares_of(text: str) -> list[Fraction]:
    """Read shares such as ``1/8, 1/4, 1/2, 1``, the smallest first. Raises ValueError with what is wrong."""
    try:
        return checked({Fraction(part.strip()) for part in text.split(",")})
    except ZeroDivisionError as error:
        raise ValueError("a share of nothing") from error


def checked(shares: Iterable[Fraction]) -> list[Fraction]:
    """Return shares in order. Raises ValueError unless a law could be fitted to as many."""
    found = sorted(set(shares))
    if len(found) < FEWEST_SIZES or found[0] <= 0 or found[-1] > 1:
        raise ValueError("too few shares, or some that are no share")
    return found


@dataclass(frozen=True)
class Point:
    """A model trained on ``rows`` rows: the NLL in nats of each held-out row's answer, by the row's id."""

    rows: int
    seed: int
    nll: dict[str, float]


@dataclass(frozen=True)
class HeldOutRow:
    """A row that every model was measured on."""

    id: str
    category: str
    tokens: int


@dataclass(frozen=True)
class PowerLaw:
    """``loss(n) = floor + scale * n ** -exponent``, n in rows and loss in nats per token."""

    floor: float
    scale: float
    exponent: float

    def at(self, rows: float) -> float:
        """Return the loss that it expects of ``rows`` rows."""
        return float(self.floor + self.scale * rows**-self.exponent)


@dataclass(frozen=True)
class Curve:
    """The losses of one category, or of all; the law through them; what twice the data would change.

    ``doubling`` is ``loss(2 n) - loss(n)`` at the largest n, below 0 where more data helps; ``low`` and ``high`` bound
    it with the probability ``LEVEL``. ``band`` bounds the loss at each of the sizes, then at twice the largest, by how
    it differs from that at the largest: that some held-out rows are harder than others moves all sizes alike.
    """

    category: str
    sizes: list[int]
    losses: list[float]
    law: PowerLaw
    doubling: float
    low: float
    high: float
    band: list[tuple[float, float]]
    held_out: int

    @property
    def is_known(self) -> bool:
        """Whether it was measured on enough rows to say anything at all."""
        return self.held_out >= FEWEST_ROWS

    @property
    def is_sure(self) -> bool:
        """Whether the interval says that more data lowers the loss by more than nothing to speak of."""
        return self.is_known and self.high < -NOTHING

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**vars(self), "law": vars(self.law)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Curve:
        """Read back what :meth:`as_dict` wrote, also as JSON has it."""
        band = [(float(low), float(high)) for low, high in values["band"]]
        return cls(**{**values, "law": PowerLaw(**values["law"]), "band": band})


def fit(sizes: Sequence[float], losses: Sequence[float]) -> PowerLaw:
    """Return the power law with a floor that is nearest to the losses, by scipy's bounded least squares.

    The form is that of Rosenfeld et al. 2020, "A Constructive Prediction of the Generalization Error Across Scales", in
    data alone. The floor is not below 0 and the exponent between 0.01 and 2: a flat line and a cliff are both at hand.
    """
    import numpy as np
    from scipy.optimize import least_squares

    n, loss = np.asarray(sizes, dtype=float), np.asarray(losses, dtype=float)
    unit = float(n.max())  # of the rows, so that the three parameters are of one order
    fall = max(float(loss[0] - loss[-1]), 1e-4)
    top = max(float(loss.min()), 1e-6)

    def misses(values: np.ndarray) -> np.ndarray:
        floor, scale, exponent = values
        return np.asarray(floor + scale * (n / unit) ** -exponent - loss)

    def slopes(values: np.ndarray) -> np.ndarray:
        _floor, scale, exponent = values
        power = (n / unit) ** -exponent
        return np.column_stack([np.ones_like(n), power, -scale * power * np.log(n / unit)])

    found = least_squares(
        misses,
        jac=slopes,
        x0=(max(top - fall, top / 2), min(fall, top), 0.5),
        bounds=((0.0, 0.0, FLATTEST), (top, np.inf, STEEPEST)),
    )
    floor, scale, exponent = (float(value) for value in found.x)
    return PowerLaw(floor, scale * unit**exponent, exponent)


@dataclass(frozen=True)
class Change:
    """How far one model's loss lies above another's on the same rows of a category, and its interval, in nats."""

    category: str
    change: float
    low: float
    high: float


def paired_change(before: Point, after: Point, held_out: Sequence[HeldOutRow], *, seed: int = 0) -> list[Change]:
    """Return the change from one model to another in all and by category, with bootstrap intervals over the rows."""
    import numpy as np

    found = []
    for category in (ALL, *sorted({row.category for row in held_out})):
        rows = [row for row in held_out if category in {ALL, row.category}]
        tokens = np.array([row.tokens for row in rows], dtype=float)
        changes = np.array([after.nll[row.id] - before.nll[row.id] for row in rows])
        random = np.random.default_rng(seed)
        drawn = random.integers(len(rows), size=(DRAWS, len(rows)))
        means = changes[drawn].sum(axis=1) / tokens[drawn].sum(axis=1)
        low, high = np.percentile(means, _tails())
        found.append(Change(category, float(changes.sum() / tokens.sum()), float(low), float(high)))
    return found


def _tails() -> tuple[float, float]:
    tail = 100 * (1 - LEVEL) / 2
    return tail, 100 - tail


def curve(points: Sequence[Point], held_out: Sequence[HeldOutRow], *, category: str, seed: int = 0) -> Curve:
    """Fit the losses of one category (``ALL``: of all) and say how sure that is.

    The interval comes from ``DRAWS`` bootstrap draws (Efron & Tibshirani 1993, percentile): of the held-out rows, the
    same ones for every size, and of the seeds of each size where there are several. Raises ValueError for fewer than
    three sizes, or a category without rows.
    """
    import numpy as np

    rows = [row for row in held_out if category in {ALL, row.category}]
    sizes = sorted({point.rows for point in points})
    if len(sizes) < FEWEST_SIZES or not rows:
        raise ValueError("a curve takes three sizes and a held-out row")
    tokens = np.array([row.tokens for row in rows], dtype=float)
    nll = {
        size: np.array([[point.nll[row.id] for row in rows] for point in points if point.rows == size])
        for size in sizes
    }

    def losses(weights: np.ndarray, runs: dict[int, np.ndarray]) -> list[float]:
        return [float(runs[size].mean(axis=0) @ weights / (tokens @ weights)) for size in sizes]

    even = np.ones(len(rows))
    measured = losses(even, nll)
    law = fit(sizes, measured)
    last = sizes[-1]
    random = np.random.default_rng(seed)
    changes, along = [], []
    for _draw in range(DRAWS):
        weights = np.bincount(random.integers(len(rows), size=len(rows)), minlength=len(rows)).astype(float)
        drawn = {size: runs[random.integers(len(runs), size=len(runs))] for size, runs in nll.items()}
        found = fit(sizes, losses(weights, drawn))
        changes.append(found.at(2 * last) - found.at(last))
        along.append([law.at(last) + found.at(size) - found.at(last) for size in (*sizes, 2 * last)])
    low, high = np.percentile(changes, _tails())
    bounds = np.percentile(np.array(along), _tails(), axis=0).T
    return Curve(
        category,
        sizes,
        measured,
        law,
        law.at(2 * last) - law.at(last),
        float(low),
        float(high),
        [(float(below), float(above)) for below, above in bounds],
        len(rows),
    )


def curves(points: Sequence[Point], held_out: Sequence[HeldOutRow]) -> list[Curve]:
    """Return the curve of all rows, then that of each category by name."""
    names = sorted({row.category for row in held_out})
    return [curve(points, held_out, category=name) for name in (ALL, *names)]
