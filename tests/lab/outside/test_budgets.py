"""The script that measures what a lab costs, and its figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab
SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "lab_budgets.py"


def test_a_lab_keeps_to_its_budgets() -> None:
    """Memory keeps to its bars; a call keeps to five times its bar, for this machine has other things to do."""
    command = [sys.executable, str(SCRIPT), "--services", "2", "--tasks", "3", "--calls", "30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout, done.stderr
    figures = {each["name"]: each for each in json.loads(done.stdout)["figures"]}
    for name in ("the lab's process", "the largest Envoy"):
        assert 0 < figures[name]["value"] <= figures[name]["bar"]
    assert figures["a call by plain HTTP, median"]["value"] <= 5 * figures["a call by plain HTTP, median"]["bar"]
