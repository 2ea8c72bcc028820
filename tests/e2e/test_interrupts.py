"""A person at the keyboard of a real process: Ctrl-C in the middle of a flip, and the same command again."""

import signal
from importlib.resources import files
from pathlib import Path

import pytest

from e2e_stage import played, read_until, start, traffic
from teal.model.identity import Slot
from teal.model.run import Deploy

pytestmark = pytest.mark.lab

# The split lasts 7 s here: a starved process hears the signal while traffic is still split.
LONG_HOLDS = (files("teal.app") / "shop" / "teal.yaml").read_text("utf-8").replace(" for 1m", " for 3m")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_a_flip_is_safe_and_resumable(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Stopped while traffic is split, teal sends it back, exits 130 or 143, and the same command finishes later."""
    with played(tmp_path, LONG_HOLDS) as play:
        assert play.run(Deploy(), COLOUR="first").exit_code == 0
        with traffic(play):
            process = start(play, "deploy", "--yes", colour="second")
            read_until(process, "] hold 10 %")
            process.send_signal(number)
            said, _ = process.communicate(timeout=180)
            assert process.returncode == code, said
            assert play.app().status()["live"] == Slot.A
            assert play.run(Deploy(), COLOUR="second").exit_code == 0
        assert play.app().status()["live"] == Slot.B
