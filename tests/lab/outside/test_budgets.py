"""The benchmark that measures what a lab costs, and its figures."""

import pytest

from lab.outside.bench import benchmark

pytestmark = pytest.mark.lab


def test_a_lab_keeps_to_its_budgets() -> None:
    """Memory keeps to its bars; a call keeps to five times its bar, for this machine has other things to do."""
    _, told = benchmark("lab_budgets", "--services", "2", "--tasks", "3", "--calls", "30", within_s=100)
    figures = {each["name"]: each for each in told["figures"]}
    for name in ("the lab's process", "the largest Envoy"):
        assert 0 < figures[name]["value"] <= figures[name]["bar"]
    assert figures["a call by plain HTTP, median"]["value"] <= 5 * figures["a call by plain HTTP, median"]["bar"]
