"""Real processes of the real command line contend for one app in a lab, under traffic."""

import json
import signal
from importlib.resources import files
from pathlib import Path

import pytest

from e2e_stage import Play, played, read_until, start, traffic
from teal.model.run import Deploy

pytestmark = pytest.mark.lab
SHOP = (files("teal.app") / "shop" / "teal.yaml").read_text("utf-8")
RUN_DEADLINE_S = 240


def _done(play: Play, *words: str) -> tuple[int, str]:
    process = start(play, *words, colour="second")
    said, _ = process.communicate(timeout=RUN_DEADLINE_S)
    return process.returncode, said


def test_contending_for_one_app(tmp_path: Path) -> None:
    """One deployment gets the lock, others exit 6; a killed one is taken over; a rollback goes before it."""
    with played(tmp_path, f"{SHOP}\nlock: {{store: file:locks}}\n") as play:
        assert play.run(Deploy(), COLOUR="first").exit_code == 0
        with traffic(play):
            _race(play)
            _kill_and_take_over(play)
            code, said = _done(play, "unlock", "shop")
            assert (code, "the lock was free" in said) == (0, True), said
            assert play.run(Deploy(), COLOUR="fourth").exit_code == 0
            _roll_back_without_the_store(play)


def _race(play: Play) -> None:
    """Let three begin at once; while the one that got the lock is stopped, a fourth is turned away."""
    racers = [start(play, "deploy", "--yes", colour="second") for _ in range(3)]
    told = [racer.communicate(timeout=RUN_DEADLINE_S)[0] for racer in racers]
    codes = [racer.returncode for racer in racers]
    assert 0 in codes, told
    assert set(codes) <= {0, 6}, told  # one that the machine let start late finds nothing to do
    assert sum("locked by" in text for text in told) == codes.count(6)


def _kill_and_take_over(play: Play) -> None:
    """Turn others away from a stopped run, kill it, take its lock over, and roll that back."""
    first = start(play, "deploy", "--yes", colour="third")
    read_until(first, "] send 90 %")
    read_until(first, "accepted")
    first.send_signal(signal.SIGSTOP)
    code, said = _done(play, "deploy", "--yes", "--restart")
    assert (code, "locked by" in said) == (6, True), said
    code, said = _done(play, "status", "-o", "json")
    assert "`teal deploy`" in json.loads(said[said.index("{") :])["lock"], said
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=RUN_DEADLINE_S)

    second = start(play, "deploy", "--yes", "--set", "deploy.bake=2h", colour="third")  # minutes, at the lab's scale
    read_until(second, "took over the lock of")
    read_until(second, "] send 100 %")
    code, said = _done(play, "rollback")
    assert code == 0, said
    said, _ = second.communicate(timeout=RUN_DEADLINE_S)
    assert second.returncode == 6, said
    assert "lost to" in said


def _roll_back_without_the_store(play: Play) -> None:
    """Roll back although the lock's store does not work: the lab plays no S3."""
    code, said = _done(play, "rollback", "--set", "lock.store=s3://team-state/teal")
    assert code == 0, said
    assert said.index("accepted") < said.index("going back without the lock"), "production goes first"
    assert "somebody that cannot be seen" in said
