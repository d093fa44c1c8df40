"""MinHash signatures of what a pair asks, and the band keys under which like ones are found.

A signature has 24 permutations over the words and word pairs of an instruction, cut into 12 bands of two. Two
instructions with the Jaccard index J share a band with the probability 1 - (1 - J²)¹²: 0.97 at J = 0.5, 0.88 at 0.4
(Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4). The bands only find candidates; how alike
two instructions are is then measured on their texts (`collector.near_queries`). Four bands more would find one typing
error more in a hundred, and make an import slower by a sixth.

Where both have a context it counts too: “Summarize the text below” is another task with another text. A submission with
a context therefore stands under a second key for each band, with one value of its context's own signature, and those
that have a context look for it there. Those that have none find it under every second band's plain key.

Everything here is stored, so it must be the same in all processes, for ever: another seed, another shingle or another
version of rensa's algorithm means `rebuild_near`. A test pins a signature.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final, NamedTuple

from rensa import RMinHash

from collector.checks.words import shingles

SEED: Final = 20_230_412
PERMUTATIONS: Final = 24
ROWS: Final = 2
BANDS: Final = PERMUTATIONS // ROWS

_WITHOUT_CONTEXT = b"n"
_WITH_CONTEXT = b"c"
_WITH_THIS_CONTEXT = b"x"
_VALUES = struct.Struct(f"<{PERMUTATIONS}I")


class Signature(NamedTuple):
    """Minima of an instruction's shingles and, where it has a context, of the context's; uint32, one a permutation."""

    instruction: tuple[int, ...]
    context: tuple[int, ...] = ()

    def pack(self) -> bytes:
        """Return the values as they are stored: little-endian, 96 bytes, or 192 with a context."""
        packed = _VALUES.pack(*self.instruction)
        return packed + _VALUES.pack(*self.context) if self.context else packed

    @classmethod
    def unpack(cls, packed: bytes) -> Signature:
        """Read what ``pack`` wrote."""
        has_context = len(packed) > _VALUES.size
        return cls(_VALUES.unpack_from(packed), _VALUES.unpack_from(packed, _VALUES.size) if has_context else ())

    def stored_keys(self) -> list[int]:
        """Return the keys, signed 64-bit, under which a submission with this signature is found."""
        if not self.context:
            return self._keys(_WITHOUT_CONTEXT)
        return self._keys(_WITH_CONTEXT, every=2) + self._keys(_WITH_THIS_CONTEXT)

    def asked_keys(self) -> list[int]:
        """Return the keys under which those like this one stand."""
        if not self.context:
            return self._keys(_WITHOUT_CONTEXT) + self._keys(_WITH_CONTEXT, every=2)
        return self._keys(_WITHOUT_CONTEXT) + self._keys(_WITH_THIS_CONTEXT)

    def _keys(self, kind: bytes, every: int = 1) -> list[int]:
        keys = []
        for band in range(0, BANDS, every):
            values = self.instruction[band * ROWS : (band + 1) * ROWS]
            if kind == _WITH_THIS_CONTEXT:
                values = (*values, self.context[band])
            data = kind + struct.pack(f"<B{len(values)}I", band, *values)
            keys.append(int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True))
        return keys


def signature(instruction: str, context: str = "") -> Signature | None:
    """Return the signature; None where the instruction holds no word at all and so is like no other."""
    asked = shingles(instruction)
    if not asked:
        return None
    return Signature(_minima(asked), _minima(source) if (source := shingles(context)) else ())


def context_likeness(one: Signature, other: Signature) -> float:
    """Estimate the Jaccard index of two contexts; 1.0 where one has none, since there is nothing to tell them apart."""
    if not one.context or not other.context:
        return 1.0
    return sum(map(int.__eq__, one.context, other.context)) / PERMUTATIONS


def _minima(tokens: set[str]) -> tuple[int, ...]:
    # One by one: the library's batches start a pool of threads, which doesn't survive a fork.
    sketch = RMinHash(PERMUTATIONS, SEED)
    sketch.update(list(tokens))
    return tuple(sketch.digest())
