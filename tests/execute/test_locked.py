"""Runs with a lock: who gets it, what a lost lease sends, how a rollback goes ahead of it, and when a split is left."""

from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import GeneratorType

import pytest

from lives import on
from locked_stage import Deployers, first_serves, forge, holding, lands, notes, share, until
from region import stage
from teal.execute.locking import NO_LOCK
from teal.model.event import Drifted, Event, Noted, Planned, RunEnded, StepBegan, StepEnded, Waited
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Retire, Rollback
from teal.model.step import AwaitWhole, Hold, WriteRoute


@pytest.fixture(name="deployers")
def second_configured(tmp_path: Path) -> Deployers:
    """An app whose first deployment serves, and whose next is configured."""
    return first_serves(tmp_path)


def test_no_lock_is_said_once(tmp_path: Path) -> None:
    """Without a store each deployment says once that there is no lock; a rollback does not."""
    there = stage(tmp_path)
    assert notes(there.events(Deploy())) == [NO_LOCK]
    assert NO_LOCK not in notes(there.events(Rollback()))


def test_a_run_takes_the_lock_and_gives_it_back(deployers: Deployers) -> None:
    """Each run has an epoch of its own; its phase is in the record while it goes on; afterwards the lock is free."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    assert "bob" in str(deployers.store.record)
    assert "`teal deploy`" in str(deployers.store.record)
    assert deployers.store.record.phase
    assert deployers.store.record.epoch == 2
    ended = list(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 0
    assert deployers.store.record.writers == ()


def test_whoever_walks_away_from_the_question_leaves_no_lock(deployers: Deployers) -> None:
    """No answer ends the command, and the lock is free again."""
    deployers.asked = list[bool]().pop
    with pytest.raises(IndexError):
        deployers.run("bob", Deploy())
    assert deployers.store.record.writers == ()


def test_whoever_leaves_a_run_early_leaves_no_lock(deployers: Deployers) -> None:
    """Where whoever listens to a run closes it half way, the run is over, and the next one gets the lock at once."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    assert isinstance(run, Generator)
    run.close()
    assert deployers.store.record.writers == ()
    ended, _ = deployers.run("eve", Deploy())
    assert ended.exit_code == 0, ended


def test_the_second_is_turned_away(deployers: Deployers) -> None:
    """While somebody holds the lock another run exits with 6, names the holder, and has written nothing."""
    until(deployers.tell("bob", Deploy()), holding)
    written = len(deployers.stage.region.written)
    ended, _ = deployers.run("eve", Deploy())
    assert ended.exit_code == 6
    assert "locked by bob on host-of-bob" in ended.message
    assert "teal unlock" in ended.hint
    assert len(deployers.stage.region.written) == written


def test_waiting_for_the_lock(deployers: Deployers) -> None:
    """With --lock-wait a run says whom it waits for, goes on once the lock is free, and gives up when it is not."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    ended, events = deployers.run("eve", Deploy(), lock_wait_s=30.0)
    assert ended.exit_code == 6
    assert sum("waiting for the lock, held by bob" in note for note in notes(events)) in {1, 2}, "once per phase"
    deployers.dead.add("bob")
    deployers.frozen.add("bob")
    ended, events = deployers.run("eve", Deploy())
    assert ended.exit_code == 0, ended
    assert any("took over the lock of bob" in note for note in notes(events))


def test_a_lost_lease_sends_nothing(deployers: Deployers) -> None:
    """A run whose lock was taken while it slept writes nothing more, exits with 6 and names the new holder."""
    run = deployers.tell("bob", Deploy())
    until(run, lambda event: isinstance(event, StepBegan) and isinstance(event.step, WriteRoute))
    deployers.frozen.add("bob")
    taken = deployers.tell("eve", Deploy(), lock_wait_s=1000.0)
    until(taken, lambda event: isinstance(event, Noted) and "took over the lock of bob" in event.message)
    written = len(deployers.stage.region.written)
    ended = list(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 6
    assert "lost to eve on host-of-eve" in ended.message
    assert len(deployers.stage.region.written) == written


def test_a_rollback_does_not_wait(deployers: Deployers) -> None:
    """A rollback writes while another run holds the lock, takes it afterwards, and the other run stops with 6."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    assert share(deployers) == Fraction(1, 10)
    before_s = deployers.stage.region.now_s
    ended, events = deployers.run("eve", Rollback())
    assert ended.exit_code == 0, ended
    assert any("because bob on host-of-bob" in note for note in notes(events))
    assert deployers.stage.region.now_s - before_s < 60, "bob's next heartbeat said that it left"
    assert share(deployers) == 0
    assert deployers.store.record.writers == ()
    stopped = list(run)[-1]
    assert isinstance(stopped, RunEnded)
    assert stopped.exit_code == 6
    assert share(deployers) == 0


def test_the_victim_stops_while_it_waits_out_a_stale_read(deployers: Deployers) -> None:
    """What a rollback wrote equals what the victim replaced, and looks stale to it; it stops at its next heartbeat."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    rollback = deployers.tell("eve", Rollback())
    until(rollback, lambda event: isinstance(event, Noted) and "watching" in event.message)
    ended = list(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 6
    assert "lost to eve" in ended.message
    assert isinstance(list(rollback)[-1], RunEnded)
    assert share(deployers) == 0


def test_what_a_way_back_wrote_is_no_drift(deployers: Deployers) -> None:
    """A run that sees a rollback's weights before its lock is taken waits to learn whose they are, and ends with 6."""
    run = deployers.tell("bob", Deploy())
    until(run, lambda event: isinstance(event, StepBegan) and isinstance(event.step, Hold) and event.step.baking)
    rollback = deployers.tell("eve", Rollback())
    assert isinstance(rollback, GeneratorType)
    until(rollback, lambda event: isinstance(event, StepEnded) and isinstance(event.step, WriteRoute))
    until(run, lambda event: isinstance(event, Drifted))
    assert deployers.store.record.preempted == ()
    deployers.stage.region.each_tick.append(lambda: None if rollback.gi_running else next(rollback, None))
    ended = list(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 6
    assert ended.message.startswith("drift: ")
    assert "lost to eve" in ended.message
    assert share(deployers) == 0


@pytest.mark.parametrize("intent", [Rollback(), Abort()])
@pytest.mark.parametrize("weight", [50, 100])
def test_a_late_write_is_undone(deployers: Deployers, intent: Rollback | Abort, weight: int) -> None:
    """A write of the pre-empted run that lands during the watch is undone; the watch lasts until nobody can write."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    deployers.frozen.add("bob")
    began_s, late = deployers.stage.region.now_s, lands(deployers, 200.0, lambda: forge(deployers, weight))
    ended, _ = deployers.run("eve", intent)
    assert not late
    assert ended.exit_code == 0, ended
    assert share(deployers) == 0
    assert 390 <= deployers.stage.region.now_s - began_s < 480


@pytest.mark.parametrize("named", [None, Slot.A])
def test_a_late_scale_in_is_undone(deployers: Deployers, named: Slot | None) -> None:
    """A pre-empted `retire` whose write lands after production is back on its slot: the slot gets its tasks again."""
    region = deployers.stage.region
    ended, _ = deployers.run("ann", Deploy())
    assert ended.exit_code == 0, ended
    region.pass_time(300)
    until(deployers.tell("bob", Retire()), lambda event: isinstance(event, StepBegan))
    deployers.frozen.add("bob")
    to_none = {"cluster": "shop", "service": "shop-a", "desiredCount": 0}
    late = lands(deployers, 100.0, lambda: region.aws("ecs", "UpdateService", **to_none))
    ended, _ = deployers.run("eve", Rollback(to_slot=named))
    assert not late
    assert ended.exit_code == 0, ended
    assert share(deployers, Slot.A) == 1
    service = deployers.stage.look().slot(Slot.A).service
    assert service is not None
    assert service.desired == 2


def test_what_the_victim_had_written_is_its_own(deployers: Deployers) -> None:
    """A weight that production had before the rollback is undone when it comes late, whatever steps are configured."""
    spec = deployers.stage.spec
    seven = replace(spec.deploy, shift=(replace(spec.deploy.shift[0], percent=7), *spec.deploy.shift[1:]))
    deployers.stage.spec = replace(spec, deploy=seven)
    until(deployers.tell("bob", Deploy()), holding)
    deployers.frozen.add("bob")
    deployers.stage.spec = spec
    late = lands(deployers, 100.0, lambda: forge(deployers, 7))
    ended, _ = deployers.run("eve", Rollback())
    assert (len(late), ended.exit_code, share(deployers) == 0) == (0, 0, True), ended


def test_a_foreign_value_is_not_undone(deployers: Deployers) -> None:
    """A weight that the pre-empted run has no step for was written by somebody else: exit 7, and it stays."""
    until(deployers.tell("bob", Deploy()), holding)
    deployers.frozen.add("bob")
    lands(deployers, 100.0, lambda: forge(deployers, 33))
    ended, _ = deployers.run("eve", Rollback())
    assert ended.exit_code == 7
    assert "33 %" in ended.message
    assert share(deployers) == Fraction(33, 100)


def test_a_dead_victim_is_not_watched_for_long(deployers: Deployers) -> None:
    """Where the pre-empted run is known to be dead, the watch is over in seconds."""
    until(deployers.tell("bob", Deploy()), holding)
    deployers.frozen.add("bob")
    deployers.dead.add("bob")
    before_s = deployers.stage.region.now_s
    ended, _ = deployers.run("eve", Rollback())
    assert ended.exit_code == 0
    assert deployers.stage.region.now_s - before_s < 60


def test_a_rollback_with_the_store_down(deployers: Deployers) -> None:
    """A rollback works while the lock's store does not answer; it says so, and watches for the whole time."""
    until(deployers.tell("bob", Deploy()), holding)
    deployers.frozen.add("bob")
    deployers.store.faults = ["down"] * 100_000
    before_s = deployers.stage.region.now_s
    ended, events = deployers.run("eve", Rollback())
    assert ended.exit_code == 0, ended
    assert any("going back without the lock" in note for note in notes(events))
    assert any("somebody that cannot be seen" in note for note in notes(events))
    assert share(deployers) == 0
    assert 390 <= deployers.stage.region.now_s - before_s < 480


def test_a_signal_ends_the_watch(deployers: Deployers) -> None:
    """Whoever has no patience for the watch may leave; the lock is not given back, so that the next run waits."""
    until(deployers.tell("bob", Deploy()), holding)
    deployers.frozen.add("bob")
    rollback = deployers.tell("eve", Rollback())
    until(rollback, lambda event: isinstance(event, Noted) and "watching" in event.message)
    deployers.stage.region.signal = 2
    ended = list(rollback)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 130
    assert share(deployers) == 0
    assert len(deployers.store.record.writers) == 2


def test_a_time_limit_ends_the_watch_alone(deployers: Deployers) -> None:
    """Production went back in time: `--timeout` ends the watch and no more, the run says so, and the next run waits."""
    until(deployers.tell("bob", Deploy()), holding)
    deployers.frozen.add("bob")
    before_s = deployers.stage.region.now_s
    events = list(deployers.tell("eve", Rollback(), timeout_s=60.0))
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 0, ended
    assert 60 <= deployers.stage.region.now_s - before_s < 120
    assert any("the time limit ends the watch" in note for note in notes(events))
    assert share(deployers) == 0
    assert len(deployers.store.record.writers) == 2


def test_a_split_is_left_before_the_lease_ends(deployers: Deployers) -> None:
    """With renewals failing for 30 s while traffic is split, production goes back under the lease; exit 6."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    deployers.store.faults = ["down"] * 100_000
    before_s = deployers.stage.region.now_s
    ended = list(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 6
    assert "cannot be renewed" in ended.message
    assert share(deployers) == 0
    assert deployers.stage.region.now_s - before_s < 60
    deployers.store.faults = []
    deployers.dead.add("bob")
    ended, _ = deployers.run("bob", Deploy(), lock_wait_s=500)
    assert ended.exit_code == 0, ended
    assert share(deployers) == 1


def test_a_lease_that_is_over_writes_nothing(deployers: Deployers) -> None:
    """A run that slept through its lease, with the store down, does not touch the split: exit 6."""
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    deployers.store.faults = ["down"] * 100_000
    deployers.frozen.add("bob")
    deployers.stage.region.pass_time(56)
    deployers.frozen.clear()
    deployers.stage.region.pass_time(1)
    written = len(deployers.stage.region.written)
    ended = list(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == 6
    assert len(deployers.stage.region.written) == written
    assert share(deployers) == Fraction(1, 10)


@pytest.mark.parametrize("cause", ["signal", "store"])
def test_on_stop_stay(deployers: Deployers, cause: str) -> None:
    """With `on_stop: stay` the split stays as it is, and the run says that nobody watches it."""
    deployers = deployers.stays()
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    if cause == "signal":
        deployers.stage.region.signal = 15
    else:
        deployers.store.faults = ["down"] * 100_000
    ended = list(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.exit_code == (143 if cause == "signal" else 6)
    assert "nobody watches it" in ended.message
    assert share(deployers) == Fraction(1, 10)


def test_retiring_when_due_is_in_nobodys_way(deployers: Deployers) -> None:
    """From cron: what is not due asks for no lock, and what is due leaves a deployment alone; exit 0 both times."""
    due = Retire(if_due=True)
    writes = len(deployers.store.writes)
    ended, _ = deployers.run("cron", due)
    assert (ended.exit_code, len(deployers.store.writes)) == (0, writes), ended
    assert "not due" in ended.message
    spec = deployers.stage.spec
    deployers.stage.spec = replace(spec, deploy=replace(spec.deploy, keep_warm_s=60.0))
    ended, _ = deployers.run("ann", Deploy())
    assert ended.exit_code == 0, ended
    deployers.stage.region.pass_time(300)
    deployers.stage = deployers.stage.with_image("shop/web:3")
    before = len(deployers.stage.region.written)
    holder = deployers.tell("bob", Deploy())
    until(holder, lambda event: isinstance(event, Planned))
    ended, _ = deployers.run("cron", due)
    assert ended.exit_code == 0, ended
    assert "locked by bob" in ended.message
    assert len(deployers.stage.region.written) == before


def test_a_store_that_is_down_at_the_start(deployers: Deployers) -> None:
    """A deployment does not begin without the answer of its lock's store; short trouble is waited out."""
    deployers.store.faults = ["down"] * 3
    run = deployers.tell("bob", Deploy())
    until(run, holding)
    deployers.store.faults = ["down"] * 100_000
    ended, _ = deployers.run("eve", Deploy())
    assert ended.exit_code == 5
    assert "teal rollback" in ended.hint


@pytest.mark.parametrize(("skew_s", "code"), [(29.0, 0), (31.0, 2), (-31.0, 2)])
def test_a_clock_that_is_wrong(deployers: Deployers, skew_s: float, code: int) -> None:
    """More than 30 s between this clock and AWS's are refused before anything is written."""
    deployers.skew_s = skew_s
    ended, _ = deployers.run("bob", Deploy())
    assert ended.exit_code == code
    assert code == 0 or "clock is 31 s" in ended.message


def test_an_abort_takes_a_slot_back_under_the_lock(deployers: Deployers) -> None:
    """An abort pre-empts the run it ends, puts the slot back under its own lease, and gives the lock back."""
    run = deployers.tell("bob", Deploy())
    until(run, lambda event: isinstance(event, Waited))
    ended, _ = deployers.run("eve", Abort())
    assert ended.exit_code == 0, ended
    stopped = list(run)[-1]
    assert isinstance(stopped, RunEnded)
    assert stopped.exit_code == 6
    assert deployers.store.record.writers == ()


def test_an_abort_notices_what_somebody_else_wrote_while_it_waits(deployers: Deployers) -> None:
    """A weight that is no step of the run which an abort stopped is drift while it puts back, too: exit 7, it stays."""
    ended, _ = deployers.run("ann", Deploy())
    assert ended.exit_code == 0, ended
    deployers.stage = on(deployers.stage, "3")
    deployers.stage.region.pass_time(300)
    until(deployers.tell("bob", Deploy()), waiting)
    abort = deployers.tell("eve", Abort())
    until(abort, waiting)
    forge(deployers, 70)
    last = list(abort)[-1]
    assert isinstance(last, RunEnded)
    assert (last.exit_code, share(deployers)) == (7, Fraction(7, 10)), last


def waiting(event: Event) -> bool:
    """Say whether a run has begun to wait for a slot."""
    return isinstance(event, StepBegan) and isinstance(event.step, AwaitWhole)
