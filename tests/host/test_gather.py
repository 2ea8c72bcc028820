"""Several reads at once."""

from functools import partial
from threading import Barrier

import pytest

from teal.host.gather import ThreadGather


def test_order_and_concurrency() -> None:
    """Calls run at the same time and return in order."""
    barrier = Barrier(4, timeout=5)

    def call(number: int) -> int:
        barrier.wait()
        return number

    assert ThreadGather()([partial(call, number) for number in range(4)]) == [0, 1, 2, 3]


def test_nothing_to_do() -> None:
    """No calls, no results."""
    assert ThreadGather()([]) == []


def test_first_error_after_all_have_ended() -> None:
    """The first error in order is raised, and not before every call has ended."""
    ended: list[int] = []

    def call(number: int) -> int:
        ended.append(number)
        if number in {1, 2}:
            raise ValueError(str(number))
        return number

    with pytest.raises(ValueError, match="1"):
        ThreadGather()([lambda: call(0), lambda: call(1), lambda: call(2), lambda: call(3)])
    assert sorted(ended) == [0, 1, 2, 3]


def test_gathering_inside_gathering() -> None:
    """Calls that gather in turn do not wait for themselves."""
    gather = ThreadGather(threads=2)

    def inner() -> int:
        return sum(gather([lambda: 1, lambda: 2, lambda: 3]))

    assert gather([inner, inner, inner]) == [6, 6, 6]
