"""A game day: the lab spoils its API by itself while the real command line works under load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
CASES = ("rollback, throttled", "flip, lost", "deploy, late", "flip, stale", "flip, weighed by hand")


def test_a_game_day_costs_no_request_and_no_truth() -> None:
    """AWS's token buckets, lost, late and stale answers, a stranger's weights: judged as the fault matrix is."""
    only = [word for case in CASES for word in ("--only", case)]
    command = [sys.executable, "-m", "benchmarks.game_day", *only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    result = json.loads(done.stdout)
    assert (set(result["cases"]), result["wrong"], result["failed"]) == (set(CASES), [], 0)
    assert result["requests"] > 0
