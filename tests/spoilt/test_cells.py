"""Cells: a sample of them at each run of the tests, and that the verdict on them can be a bad one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.verdict import judge, judge_again

from spoilt.cells import ALL

ROOT = Path(__file__).parents[2]
SAMPLE, SEED = 40, 1
COMMAND = {command.name: command for command in ALL}


def python(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run python with the folders of the tests and of the repository on its path."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}  # noqa: TID251 - a child's
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600, check=False)


def test_a_sample_of_all_cells_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever becomes of any call: no lie, no half slot, no request unanswered; `make fault-cells` plays them all."""
    done = python("-m", "spoilt", "--sample", str(SAMPLE), "--seed", str(SEED), "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    with capsys.disabled():
        sys.stdout.write(f"\n{result['cells']} of {result['cells_in_all']} cells in {result['took_s']} s\n")
    assert set(result["points"]) == {command.name for command in ALL}
    assert (result["cells"], result["wrong"], result["problems"]) == (SAMPLE, 0, [])
    assert result["cells_in_all"] > 12_000
    assert result["spoiled"] >= SAMPLE
    assert result["requests"] > 100 * SAMPLE
    assert len(result["operations"]) > 24  # of those that `aws.operations` knows


def test_a_branch_that_dies_is_heard_of() -> None:
    """A branch tells its result; one that ends without a word, or with an error, is a problem."""
    story = (
        "import json, os\n"
        "from spoilt.branches import Branches\n"
        "branches = Branches(at_once=2)\n"
        "if branches.begin('tells'): branches.tell({'problem': ''})\n"
        "if branches.begin('dies'): os._exit(0)\n"
        "branches.join()\n"
        "print(json.dumps(dict(branches.ended)))\n"
    )
    told = json.loads(python("-c", story).stdout)
    assert told == {"tells": {"problem": ""}, "dies": {"problem": "ended without a word"}}


def status(live: str | None, row: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a view
    """Return a status in which both slots are whole, but for some fields of slot a."""
    whole: dict[str, Any] = {"revisions": ["shop:1"], "targets_healthy": 2, "tasks_desired": 2, "deployment": None}
    slots = [{"slot": "a", **whole, **changes}, {"slot": "b", **whole}]
    return {"live": live, "row": row, "move": None, "slots": slots}


BEFORE, SAYS = status("a", 18), ""
VERDICTS: dict[str, tuple[str, dict[str, Any], int, str, str]] = {  # command, end, exit code, what it said; the verdict
    "served": ("deploy", status("b", 18), 0, SAYS, ""),
    "said so, and it is not": ("deploy", status("a", 18), 0, SAYS, "ended with 0, and it is not so"),
    "half way": ("flip", status("b", 14), 0, SAYS, "ended with 0, and it is not so"),
    "went back": ("deploy", status("a", 20), 4, SAYS, ""),
    "no such exit code": ("deploy", status("a", 20), 1, SAYS, "ended with 1"),
    "a traceback": ("deploy", status("a", 20), 4, "Traceback (most", "ended with 4"),
    "nobody is healthy": ("deploy", status("a", 20, targets_healthy=0), 4, SAYS, "the live slot is not whole"),
    "a mixture": ("deploy", status("a", 20, revisions=["1", "2"]), 4, SAYS, "the live slot is not whole"),
    "not retired": ("retire", status("a", 18), 0, SAYS, "ended with 0, and it is not so"),
    "aborted": ("abort", status("a", 20), 0, SAYS, ""),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name: str) -> None:
    """A lie, a half slot and an end that is not documented are told from good ends."""
    command, end, code, said, verdict = VERDICTS[name]
    found = judge(COMMAND[command], BEFORE, code, said, end)
    assert found.startswith(verdict)
    assert bool(found) is bool(verdict)


@pytest.mark.parametrize(
    ("command", "code", "end", "good"),
    [
        ("deploy", 0, status("b", 18), True),
        ("deploy", 7, status("a", 20), True),
        ("deploy", 7, status("b", 20), False),
        ("deploy", 0, status("a", 18), False),
        ("rollback", 7, status("a", 20), False),
        ("rollback", 0, status("b", 20), True),
        ("deploy", 7, status("a", 18), False),
        ("failed", 7, status("a", 18), True),
        ("failed", 4, status("a", 20), True),
        ("failed", 4, status("b", 20), False),
        ("unmade", 0, status(None, 3), True),
        ("unmade", 0, status("a", 18), False),
    ],
)
def test_verdicts_on_the_same_command_again(command: str, code: int, end: dict[str, Any], good: bool) -> None:  # noqa: FBT001 - a table
    """With AWS well the same command does it, or says that what was announced was taken back."""
    assert (judge_again(COMMAND[command], BEFORE, code, SAYS, end) == "") is good
