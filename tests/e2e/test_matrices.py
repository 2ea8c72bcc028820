"""Samples of the kill matrix and of the fault matrix: real processes, a real API, traffic meanwhile."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


def matrix(module: str, sample: int) -> dict[str, Any]:
    """Play a sample of a matrix; return what came of it."""
    command = [sys.executable, "-m", module, "--sample", str(sample)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2400, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_killed_at_any_call_teal_can_be_gone_on_from() -> None:
    """30 cells of the kill matrix: every end is right, and no request failed."""
    result = matrix("benchmarks.kill_matrix", 30)
    assert (result["cases"], result["wrong"], result["failed"]) == (30, [], 0)
    assert result["not_reached"] <= 3


def test_a_spoiled_answer_never_ends_in_a_lie() -> None:
    """12 cells of the fault matrix: 0 only when it is so, a whole slot serves, and no request failed."""
    result = matrix("benchmarks.fault_matrix", 12)
    assert (result["cases"], result["wrong"], result["failed"]) == (12, [], 0)
    assert result["not_reached"] <= 2
