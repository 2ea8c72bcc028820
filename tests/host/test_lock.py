"""The lock of one run, over a store that loses answers, and a clock that tests set."""

from threading import Event
from threading import enumerate as enumerate_threads

import pytest

from locks import LAB, Contest, owner, refused
from teal.errors import BusyError, NeedsPersonError, TransientError
from teal.host.breaking import break_lock
from teal.host.heartbeat import Heartbeat
from teal.host.lock import Keeper, Who
from teal.model.lock import Claimed, Holder, Life, Waiting


def test_the_first_gets_it_and_the_second_waits() -> None:
    """A free lock is taken with the first epoch; whoever comes then is told who has it, and how long it can take."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    assert ann.claim() == Claimed(epoch=1)
    waiting = bob.claim()
    assert isinstance(waiting, Waiting)
    assert (waiting.left_s, waiting.dead) == (390.0, False)
    assert "ann on host-of-ann" in waiting.holder
    assert not refused(ann)
    assert "does not hold the lock" in refused(bob)


def test_released_it_goes_to_the_next() -> None:
    """A released lock is taken at once, one epoch higher."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    ann.claim()
    ann.release()
    assert bob.claim() == Claimed(epoch=2)
    assert "does not hold" in refused(ann)


def test_a_silent_holder_loses_it_after_390_seconds() -> None:
    """A waiter takes over what it has itself seen unchanged for 390 s, however long it stood before."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    ann.claim()
    contest.clock.at_s += 10_000.0
    assert isinstance(bob.claim(), Waiting)
    contest.clock.at_s += 389.0
    assert isinstance(bob.claim(), Waiting)
    contest.clock.at_s += 1.0
    assert bob.claim() == Claimed(epoch=2, broke=(Holder(epoch=1, owner=owner("ann")),))


def test_a_heartbeat_keeps_it() -> None:
    """A holder that renews is never robbed, and a waiter begins to count anew with each heartbeat."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    ann.claim()
    for _ in range(60):
        contest.clock.at_s += 15.0
        ann.beat()
        waiting = bob.claim()
        assert isinstance(waiting, Waiting)
        assert waiting.left_s == 390.0
    assert not refused(ann)


def test_a_dead_holder_is_not_waited_for_long() -> None:
    """The lock of a process that is known to be dead is free ten seconds after that was seen."""
    contest = Contest(dead={"ann"})
    contest.run("ann").claim()
    bob = contest.run("bob")
    waiting = bob.claim()
    assert isinstance(waiting, Waiting)
    assert (waiting.left_s, waiting.dead) == (10.0, True)
    contest.clock.at_s += 10.0
    assert isinstance(bob.claim(), Claimed)


def test_an_old_lease_sends_nothing() -> None:
    """From 55 s after the call that renewed it nothing is sent under a lease; renewing makes it good again."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.clock.at_s += 54.9
    assert not refused(ann)
    contest.clock.at_s += 0.1
    assert "could not be renewed for 55 s" in refused(ann)
    ann.beat()
    assert not refused(ann)


def test_the_age_counts_from_before_the_call() -> None:
    """A renewal that took long is as old as the moment before it was asked for."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.clock.at_s += 20.0
    contest.store.before_write.append(lambda: _later(contest, 50.0))
    ann.beat()
    assert not refused(ann)
    contest.clock.at_s += 5.0
    assert refused(ann)


def _later(contest: Contest, seconds: float) -> None:
    contest.clock.at_s += seconds


def test_what_is_due_is_renewed() -> None:
    """Before a write the lease is renewed, once it is 15 s old."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    ann.enter("SHIFT")
    for age_s, writes in ((14.0, 1), (1.0, 2), (14.9, 2)):
        contest.clock.at_s += age_s
        ann.renew()
        with ann.writing():
            ann.may_send()
        assert len(contest.store.writes) == writes
    assert contest.store.record.phase == "SHIFT"


@pytest.mark.parametrize("fault", ["answer lost", "late"])
def test_a_lost_answer_to_a_claim(fault: str) -> None:
    """A claim whose answer was lost is known by its nonce, in the same call or in the next; the epoch rises by one."""
    contest = Contest()
    contest.store.faults = ["", fault]
    ann = contest.run("ann")
    assert ann.claim() == Claimed(epoch=1)
    assert not refused(ann)
    assert len(contest.store.writes) == 1


def test_a_claim_that_lands_after_all() -> None:
    """A claim that seemed lost, and cannot be read, is ours when it is found later, as old as it is."""
    contest = Contest()
    contest.store.faults = ["", "answer lost", "down"]
    ann = contest.run("ann")
    with pytest.raises(TransientError):
        ann.claim()
    contest.clock.at_s += 50.0
    assert ann.claim() == Claimed(epoch=1)
    contest.clock.at_s += 4.9
    assert not refused(ann)
    contest.clock.at_s += 0.1
    assert refused(ann)


def test_a_claim_that_never_landed() -> None:
    """A claim whose answer was lost and that is not there is an error, for nobody knows: it is asked again."""
    contest = Contest()
    contest.store.faults = ["", "down"]
    ann = contest.run("ann")
    with pytest.raises(TransientError):
        ann.claim()
    assert ann.claim() == Claimed(epoch=1)


@pytest.mark.parametrize("fault", ["answer lost", "late"])
def test_a_lost_answer_to_a_renewal(fault: str) -> None:
    """A renewal whose answer was lost counts when the record shows it."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.clock.at_s += 20.0
    contest.store.faults = [fault]
    ann.beat()
    contest.clock.at_s += 54.0
    assert not refused(ann)


def test_a_store_that_is_down() -> None:
    """Failed renewals cost nothing for 30 s; then a split must be left, and at 55 s nothing is sent any more."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.store.faults = ["down"] * 1000
    seen: list[tuple[float, bool, bool]] = []
    for _ in range(12):
        contest.clock.at_s += 5.0
        ann.beat()
        seen.append((contest.clock.at_s - 1000.0, ann.leaving(), bool(refused(ann))))
    assert next(age_s for age_s, leaving, _ in seen if leaving) == 45.0
    assert next(age_s for age_s, _, no in seen if no) == 55.0
    contest.store.faults = []
    contest.clock.at_s += 5.0
    ann.beat()
    assert not ann.leaving()
    assert not refused(ann)


def test_the_store_is_not_asked_between_look_and_write() -> None:
    """What was asked in vain before the look is not asked again before the write, however old that is."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.clock.at_s += 20.0
    contest.store.faults = ["down"] * 100
    ann.renew()
    left = len(contest.store.faults)
    assert left < 100
    contest.clock.at_s += 20.0
    with ann.writing():
        ann.may_send()
    assert len(contest.store.faults) == left


def test_a_stolen_lock_is_noticed_by_the_next_write() -> None:
    """A holder that slept finds another epoch in the record: nothing is sent, and the new holder is named."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    ann.claim()
    bob.claim()
    contest.clock.at_s += 390.0
    bob.claim()
    ann.renew()
    with pytest.raises(BusyError, match="lost to bob on host-of-bob"), ann.writing():
        ann.may_send()
    assert BusyError.exit_code == 6
    assert "bob" in ann.lost()
    ann.release()
    assert contest.store.record.owner == owner("bob")


def test_a_record_that_is_gone() -> None:
    """A record that somebody deleted is a lost lock."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.store.kept = None
    contest.clock.at_s += 15.0
    ann.beat()
    assert "its record is gone" in refused(ann)


def test_two_claim_at_the_same_time() -> None:
    """Whoever writes second finds the condition broken, reads again, and waits."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    contest.store.before_write.append(lambda: _claimed(bob))
    waiting = ann.claim()
    assert isinstance(waiting, Waiting)
    assert "bob" in waiting.holder


def _claimed(keeper: Keeper) -> None:
    assert isinstance(keeper.claim(), Claimed)


def test_always_too_late() -> None:
    """A run that is too slow several times in a row waits as for anybody else."""
    contest = Contest()

    ann = contest.run("ann")
    contest.store.before_write = [lambda: _in_between(contest)] * 5
    waiting = ann.claim()
    assert isinstance(waiting, Waiting)
    assert not waiting.dead, "it is waited for no longer than the run has patience"
    assert not ann.lost()
    contest.store.before_write = [lambda: _in_between(contest)] * 5
    with pytest.raises(BusyError, match="several runs take the lock at once"):
        ann.preempt()


def _in_between(contest: Contest) -> None:
    """Take and give back the lock while somebody else is about to write."""
    pending, contest.store.before_write = contest.store.before_write, []
    other = contest.run("bob")
    _claimed(other)
    other.release()
    contest.store.before_write = pending


def test_before_a_run_began() -> None:
    """A lock that nobody has begun to use can be given back, and nothing else."""
    contest = Contest()
    who = Who(owner=lambda: owner("ann"), token="t", life=lambda _: Life.UNKNOWN)  # noqa: S106 - no secret
    keeper = Keeper(lambda _: contest.store, contest.clock, who, Heartbeat())
    with pytest.raises(NeedsPersonError, match="before its run began"):
        keeper.claim()
    assert "does not hold the lock" in refused(keeper)
    keeper.release()


def test_a_second_run_of_the_same_process() -> None:
    """A process that runs twice begins anew: another epoch, and the heart beats again."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    ann.release()
    ann.begin(contest.caller, "flip")
    assert refused(ann)
    assert ann.claim() == Claimed(epoch=2)
    assert contest.store.record.command == "flip"


def test_breaking_a_lock() -> None:
    """Breaking frees a lock, raises the epoch and names whose it was; the holder finds out by its next renewal."""
    contest = Contest()
    assert break_lock(contest.store, "x.1") is None
    ann = contest.run("ann")
    ann.claim()
    was = break_lock(contest.store, "x.1")
    assert was is not None
    assert was.owner == owner("ann")
    assert break_lock(contest.store, "x.2") is None
    contest.clock.at_s += 15.0
    ann.beat()
    assert ann.lost() == "somebody who broke it (epoch 2)"
    assert contest.run("bob").claim() == Claimed(epoch=3)


def test_breaking_what_changes_hands() -> None:
    """A lock that is renewed while it is being broken is broken all the same."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.clock.at_s += 15.0
    contest.store.before_write.append(lambda: _renewed_meanwhile(contest, ann))
    assert break_lock(contest.store, "x.1") is not None
    assert contest.store.record.owner is None


def _renewed_meanwhile(contest: Contest, keeper: Keeper) -> None:
    keeper.beat()
    assert len(contest.store.writes) == 2


def test_a_heart_beats_in_a_thread() -> None:
    """A heartbeat renews by itself until it is stopped; started twice it is one, and it keeps no process alive."""
    beaten = Event()
    heart = Heartbeat()
    heart.stop()
    before = set(enumerate_threads())
    for _ in range(2):
        beaten.clear()
        heart.start(beaten.set, 0.01)
        heart.start(_never, 0.01)
        assert beaten.wait(30)
        [thread] = set(enumerate_threads()) - before
        assert thread.daemon
        heart.stop()
        thread.join(30)
        assert not thread.is_alive()


def _never() -> None:
    raise AssertionError("a second heart beats")


def test_the_times_of_a_lab() -> None:
    """In a lab a lease ends sooner; a waiter heeds what the holder wrote down."""
    contest = Contest(caller=LAB)
    contest.run("ann").claim()
    waiting = contest.run("bob").claim()
    assert isinstance(waiting, Waiting)
    assert waiting.left_s == pytest.approx(6.0 + 3.3)
