"""What the command line has to do with the lock: waiting for it, and breaking it."""

import pytest

from cli_stage import FakeApp, Stage

UNLOCKS = [
    ("unlock shop-web", "ann on ci", 0, "broke the lock of ann on ci"),
    ("unlock --yes", "", 0, "the lock was free"),
    ("unlock", "ann on ci", 2, "unlocking needs the app's name"),
    ("unlock shop", "ann on ci", 2, "the app is shop-web, not shop"),
]


@pytest.mark.parametrize(("words", "holder", "code", "said"), UNLOCKS, ids=[words for words, *_ in UNLOCKS])
def test_unlocking_wants_the_name(words: str, holder: str, code: int, said: str) -> None:
    """A lock is broken only by its app's name, or without a question; whose it was is told."""
    done = Stage(app=FakeApp(locked_by=holder)).play(*words.split())
    assert done.exit_code == code
    assert said in done.stdout + done.stderr


def test_how_long_to_wait_for_the_lock() -> None:
    """Whoever goes forward may wait for the lock; by default nobody waits, and a rollback cannot."""
    stage = Stage(person=True)
    stage.play("deploy", "--lock-wait", "10m")
    stage.play("flip")
    assert [flags.lock_wait_s for flags in stage.flags] == [600.0, 0.0]
    assert stage.play("rollback", "--lock-wait", "1m").exit_code == 2
