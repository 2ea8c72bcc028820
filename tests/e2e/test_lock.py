"""Real processes of the real command line contend for one app in a lab, under traffic."""

import json
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from e2e_stage import Play, played, traffic
from teal.model.run import Deploy

pytestmark = pytest.mark.lab
SHOP = (files("teal.app") / "shop" / "teal.yaml").read_text("utf-8")
RUN_DEADLINE_S = 240


def _start(play: Play, *words: str, colour: str = "second") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "teal", *words],
        cwd=play.stage.directory,
        env={**play.stage.environ, "COLOUR": colour},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _read_until(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}")


def _done(play: Play, *words: str) -> tuple[int, str]:
    process = _start(play, *words)
    said, _ = process.communicate(timeout=RUN_DEADLINE_S)
    return process.returncode, said


def test_contending_for_one_app(tmp_path: Path) -> None:
    """Of three deployments at once one succeeds and two exit 6; a killed one is taken over; a rollback goes first."""
    with played(tmp_path, f"{SHOP}\nlock: {{store: file:locks}}\n") as play:
        assert play.run(Deploy(), COLOUR="first").exit_code == 0
        with traffic(play):
            racers = [_start(play, "deploy", "--yes") for _ in range(3)]
            told = [racer.communicate(timeout=RUN_DEADLINE_S)[0] for racer in racers]
            assert sorted(racer.returncode for racer in racers) == [0, 6, 6], told
            assert sum("locked by" in text for text in told) == 2

            killed = _start(play, "deploy", "--yes", colour="third")
            _read_until(killed, "hold 10 %")
            code, said = _done(play, "status", "-o", "json")
            assert "`teal deploy`" in json.loads(said[said.index("{") :])["lock"], said
            killed.send_signal(signal.SIGKILL)
            killed.communicate(timeout=RUN_DEADLINE_S)
            again = _start(play, "deploy", "--yes", colour="third")
            _read_until(again, "took over the lock of")
            _read_until(again, "hold 50 %")

            code, said = _done(play, "rollback")
            assert code == 0, said
            assert "may still have a write under way" in said
            said, _ = again.communicate(timeout=RUN_DEADLINE_S)
            assert again.returncode == 6, said
            code, said = _done(play, "unlock", "shop")
            assert (code, "the lock was free" in said) == (0, True), said
