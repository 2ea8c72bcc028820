"""Chance as a function: of a seed and a count, by a hash, so that every draw can be made again."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

_T = TypeVar("_T")


def draw(seed: int, count: int, what: str = "") -> float:
    """Return a number from 0 to below 1. `what` keeps several draws of one count apart."""
    digest = sha256(f"{seed}/{count}/{what}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53  # 53 bits: what a float holds exactly


def hits(seed: int, count: int, share_percent: float) -> bool:
    """Say whether the `count`-th of several is among the share that is hit."""
    return draw(seed, count) * 100 < share_percent


def pick(items: Sequence[_T], seed: int, count: int) -> _T | None:
    """Return one of the items, None when there is none."""
    return items[int(draw(seed, count, "pick") * len(items))] if items else None
