"""Real processes race for the lock, in each store: the small run of what `make lock-races` does at length."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 11  # one round with a killed winner and one after it, one with a pre-empted holder


@pytest.mark.parametrize("store", ["file", "s3", "dynamodb"])
def test_exactly_one_wins_each_round(store: str) -> None:
    """Of 2 to 8 processes exactly one gets the lock, the others exit with 6, and each epoch is one above the last."""
    command = [sys.executable, "-m", "benchmarks.lock_races", "--store", store, "--rounds", str(ROUNDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = json.loads(done.stdout)
    assert counted["wrong"] == []
    assert (counted["wins"], counted["killed"], counted["preempted"]) == (ROUNDS, 1, 1)
    assert counted["last_epoch"] == ROUNDS + 2 * counted["preempted"]
    assert counted["losses"] == counted["processes"] - ROUNDS
