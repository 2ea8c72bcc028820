"""A long life under traffic, two minutes of it: the same code as the half hour of `make soak`."""

import pytest

from lab.outside.bench import benchmark

pytestmark = pytest.mark.lab


def test_two_minutes() -> None:
    """Flips, a rollback and a dying task of the idle slot each minute lose no request, and memory stays flat."""
    code, told = benchmark("soak", "--minutes", "2", "--rate", "50", "-o", "json", within_s=600)
    assert (code, told["kept"], told["failed"], told["problems"]) == (0, True, 0, []), told
    assert (told["flips"], told["rollbacks"], told["killed"]) == (2, 1, 2)
    assert told["requests"] >= 2 * 60 * 50
    assert {"the lab's process", "the leash", "Envoy 1"} <= {each["process"] for each in told["memory"]}
