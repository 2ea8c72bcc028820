"""The main job, as a new user runs it: the demo, and flips by the dozen. Real processes, a real load balancer."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


def test_the_demo_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """`teal demo` exits 0 after at least 10,000 requests, none of them failed, and no process of its lab goes on."""
    command = [sys.executable, "-m", "teal", "demo"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    counted = re.search(r"(\d+) requests, (\d+) failed", said)
    assert counted is not None
    assert int(counted[1]) >= 10_000
    assert int(counted[2]) == 0
    assert not _lab_processes("/teal-demo-")


def test_flips_and_rollbacks_cost_no_request(tmp_path: Path) -> None:
    """Stepped flips and rollbacks in one lab session under steady traffic: not one failed request."""
    command = [sys.executable, "-m", "benchmarks.flips", "--cycles", "6"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    result = json.loads(done.stdout)
    assert (result["flips"], result["rollbacks"], result["failed"]) == (6, 6, 0)
    # Holds and bake of one cycle alone are four minutes of AWS, 1.2 s here: half of what the client sends meanwhile.
    assert result["requests"] >= 6 * 1.2 * 200 / 2


def _lab_processes(place: str) -> list[str]:
    """Return the command lines of processes that belong to a lab whose directory has `place` in its name."""
    found: list[str] = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.pid != os.getpid() and any(place in word for word in words):
            found.append(" ".join(words))
    return found


def test_the_bench_runs_and_teal_is_small() -> None:
    """`make bench` prints its figures side by side; `status` and `rollback` stay below 80 MB of memory."""
    command = [sys.executable, "-m", "benchmarks.startup", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    figures = json.loads(done.stdout)["figures"]
    assert figures["teal status, memory, MB"]["median"] <= 80
    assert figures["teal rollback, memory, MB"]["median"] <= 80
    assert {"aws elbv2 describe-rules, s", "aws elbv2 modify-rule, s"} <= figures.keys()
