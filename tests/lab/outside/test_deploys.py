"""Deployments as they should be made, some of them: the same code as the 40,000 requests of `make bench-deploys`."""

import pytest

from lab.outside.bench import benchmark

pytestmark = pytest.mark.lab


def test_tasks_that_need_two_seconds() -> None:
    """Deployments of tasks that listen after 2 s, and a rollback, lose none of 4,000 requests."""
    code, told = benchmark("deploys", "--requests", "4000", "--rate", "100", within_s=400)
    assert (code, told["failed"], told["problems"]) == (0, 0, []), told
    assert told["requests"] >= 4000
    assert (told["start_s"], told["rollbacks"] >= 1, told["revisions_seen"] >= 3) == (2.0, True, True)
