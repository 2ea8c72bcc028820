"""A person at the keyboard of a real process: Ctrl-C in the middle of a flip, and the same command again."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from e2e_stage import Play, played, traffic
from teal.model.identity import Slot
from teal.model.run import Deploy

pytestmark = pytest.mark.lab


def start(play: Play, colour: str) -> "subprocess.Popen[str]":
    """Start `teal deploy` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "teal", "deploy", "--yes"],
        cwd=play.stage.directory,
        env={**play.stage.environ, "COLOUR": colour},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: "subprocess.Popen[str]", words: str) -> None:
    """Read what the process says until it says `words`."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_a_flip_is_safe_and_resumable(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Stopped while traffic is split, teal sends it back, exits 130 or 143, and the same command finishes later."""
    with played(tmp_path) as play:
        assert play.run(Deploy(), COLOUR="first").exit_code == 0
        with traffic(play):
            process = start(play, "second")
            read_until(process, "hold 10 %")
            process.send_signal(number)
            said, _ = process.communicate(timeout=60)
            assert process.returncode == code, said
            assert play.app().status()["live"] == Slot.A
            assert play.run(Deploy(), COLOUR="second").exit_code == 0
        assert play.app().status()["live"] == Slot.B
