"""Gathering without threads, so that a test is the same every time."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from teal.errors import AwsError, CredentialError

T = TypeVar("T")


def in_turn(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Gather what calls return."""
    return [call() for call in calls]


def in_turn_within(calls: Sequence[Callable[[], T]], patience_s: float) -> list[T | None]:
    """Gather what AWS answers."""
    results: list[T | None] = []
    for call in calls:
        try:
            results.append(call())
        except (AwsError, CredentialError):
            results.append(None)
    return results
