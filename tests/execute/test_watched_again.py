"""A way back that was killed while it watched whom it had taken the lock from, and is run again."""

from pathlib import Path

import pytest

from locked_stage import Deployers, first_serves, forge, holding, lands, notes, share, until
from teal.model.event import Noted, Planned, RunEnded
from teal.model.run import Abort, Deploy, Rollback


@pytest.fixture(name="deployers")
def second_configured(tmp_path: Path) -> Deployers:
    """An app whose first deployment serves, and whose next is configured."""
    return first_serves(tmp_path)


@pytest.mark.parametrize("intent", [Rollback(), Abort()])
@pytest.mark.parametrize("known", [True, False])
def test_a_watch_that_was_killed_is_gone_on_with(
    deployers: Deployers, intent: Rollback | Abort, *, known: bool
) -> None:
    """A way back that was killed while it watched is run again: it watches as long, and undoes what comes late."""
    until(deployers.tell("bob", Deploy()), holding)
    deployers.frozen |= {"bob", "eve"}
    until(deployers.tell("eve", Rollback()), lambda event: isinstance(event, Noted) and "watching" in event.message)
    deployers.dead |= {"eve"} if known else set()
    deployers.stage.region.pass_time(30)
    began_s, late = deployers.stage.region.now_s, lands(deployers, 200.0, lambda: forge(deployers, 50))
    ended, events = deployers.run("kim", intent)
    assert not late
    assert ended.exit_code == 0, ended
    assert share(deployers) == 0
    assert any("because bob on host-of-bob" in note for note in notes(events))
    assert 390 <= deployers.stage.region.now_s - began_s < 480
    ended, _ = deployers.run("kim", intent)
    assert deployers.stage.region.now_s - began_s < 480, "what was watched to the end is not watched again"
    assert deployers.store.record.writers == ()


def test_a_rollback_with_nothing_to_do_leaves_a_deployment_its_lock(deployers: Deployers) -> None:
    """Where nobody was pre-empted there is nothing to watch: a second rollback does nothing to whoever deploys."""
    ended, _ = deployers.run("eve", Rollback())
    assert ended.exit_code == 5, "the first deployment has nothing before it"
    deployers.run("ann", Deploy())
    ended, _ = deployers.run("eve", Rollback())
    assert ended.exit_code == 0, ended
    deployers.stage.region.pass_time(200)
    deployers.stage = deployers.stage.with_image("shop/web:3")
    run = deployers.tell("bob", Deploy())
    until(run, lambda event: isinstance(event, Planned))
    ended, _ = deployers.run("eve", Rollback())
    assert (ended.exit_code, ended.message) == (0, "nothing to roll back: slot a serves")
    deployed = list(run)[-1]
    assert isinstance(deployed, RunEnded)
    assert deployed.exit_code == 0, deployed
