"""A lock taken by a rollback, which waits for nobody and must know when nobody else writes any more."""

from contextlib import suppress
from threading import Event, Thread

import pytest

from locks import CALLER, Contest, HandClock, MemoryStore, NoPulse, owner, refused
from teal.errors import BusyError, CredentialError, RefusedError, TealError, TransientError, UnknownAnswerError
from teal.host.lock import Keeper, Who
from teal.model.lock import Claimed, Life
from teal.ports import Kept


def test_a_rollback_takes_it_at_once() -> None:
    """A rollback raises the epoch without waiting; the holder before it stays on record until it says that it left."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob", "rollback")
    ann.claim()
    bob.preempt()
    assert (contest.store.record.epoch, contest.store.record.owner) == (2, owner("bob"))
    assert bob.unsettled() == str(owner("ann"))
    bob.release()
    assert contest.store.record.owner == owner("bob"), "it is not given back while somebody may still write"
    contest.clock.at_s += 15.0
    ann.beat()
    assert not bob.unsettled()
    bob.release()
    assert contest.store.record.writers == ()
    assert contest.run("eve").claim() == Claimed(epoch=3)


def test_a_write_under_way_is_not_acknowledged() -> None:
    """A pre-empted holder says that it left only when no write of its own is under way."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob", "rollback")
    ann.claim()
    with ann.writing():
        ann.may_send()
        bob.preempt()
        contest.clock.at_s += 15.0
        ann.beat()
        assert ann.lost()
        assert bob.unsettled()
    assert not bob.unsettled()


def sent(lock: Keeper, *fates: TealError | None) -> None:
    """Let a write be sent once for each fate: an answer, or what came instead; the last one is what the run hears."""
    with suppress(TealError), lock.writing():
        for _ in fates:
            lock.may_send()
        if fates and fates[-1] is not None:
            raise fates[-1]


LOST = TransientError("no answer", code="ReadTimeoutError", operation="elbv2:ModifyRule")
UNREADABLE = UnknownAnswerError("no such field", code="Garbage", operation="elbv2:ModifyRule")
REFUSED = RefusedError("no", code="ValidationError", operation="elbv2:ModifyRule")
NOT_PERMITTED = CredentialError("not you")
NOT_SENT = BusyError("the lock was lost; nothing was sent")
FATES: dict[str, tuple[tuple[TealError | None, ...], bool]] = {
    "done": ((None,), True),
    "refused": ((REFUSED,), True),
    "not permitted": ((NOT_PERMITTED,), True),
    "never sent": ((), True),
    "its answer lost": ((LOST,), False),
    "an answer that says nothing": ((UNREADABLE,), False),
    "sent twice, the second time done": ((None, None), False),
    "sent twice, the second time refused": ((LOST, REFUSED), False),
    "sent once, and a second time held up by the lease": ((NOT_SENT,), False),
}


@pytest.mark.parametrize(("fates", "ended"), FATES.values(), ids=FATES)
def test_what_may_still_be_done_is_not_acknowledged(fates: tuple[TealError | None, ...], *, ended: bool) -> None:
    """A pre-empted holder one of whose requests was not answered never says that it left: the way back watches on."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob", "rollback")
    ann.claim()
    sent(ann, *fates)
    bob.preempt()
    contest.clock.at_s += 15.0
    ann.beat()
    sent(ann)
    ann.release()
    assert ann.lost()
    assert (bob.unsettled() == "") is ended


def test_a_write_of_long_ago_is_acknowledged() -> None:
    """What was sent so long ago that AWS would refuse it holds up no way back; an answer since then excuses nothing."""
    for waits_s, ended in ((374.9, False), (375.0, True)):
        contest = Contest()
        ann, bob = contest.run("ann"), contest.run("bob", "rollback")
        ann.claim()
        sent(ann, LOST)
        sent(ann, None)
        contest.clock.at_s += waits_s
        bob.preempt()
        contest.clock.at_s += 15.0
        ann.beat()
        assert (bob.unsettled() == "") is ended


def test_a_victim_that_says_nothing() -> None:
    """A rollback stops watching after 390 s, or ten seconds after its victim is known to be dead."""
    for dead, wait_s in ((set[str](), 390.0), ({"ann"}, 10.0)):
        contest = Contest(dead=dead)
        contest.run("ann").claim()
        bob = contest.run("bob", "rollback")
        bob.preempt()
        contest.clock.at_s += wait_s - 1.0
        assert bob.unsettled()
        contest.clock.at_s += 1.0
        assert not bob.unsettled()


def test_a_renewal_heeds_what_a_victim_wrote() -> None:
    """An acknowledgement changes the record under the rollback; its own renewal takes it over and goes on."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob", "rollback")
    ann.claim()
    bob.preempt()
    contest.clock.at_s += 15.0
    ann.beat()
    bob.beat()
    assert not bob.lost()
    assert contest.store.record.preempted == ()


def test_an_acknowledgement_that_loses_a_race_is_said_again() -> None:
    """The rollback renews between the victim's read and its write: the victim reads again, and says that it left."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob", "rollback")
    ann.claim()
    bob.preempt()
    contest.clock.at_s += 15.0
    contest.store.before_write = [lambda: None, bob.beat]  # the victim's own renewal, which fails, comes first
    ann.beat()
    assert contest.store.before_write == []
    assert contest.store.record.preempted == ()
    assert contest.store.record.owner == owner("bob")


def test_a_rollback_of_a_rollback() -> None:
    """A second rollback waits for both before it; each is named."""
    contest = Contest()
    ann, bob, eve = contest.run("ann"), contest.run("bob", "rollback"), contest.run("eve", "rollback")
    ann.claim()
    bob.preempt()
    eve.preempt()
    assert eve.unsettled() == f"{owner('ann')}, {owner('bob')}"
    assert not bob.unsettled()
    assert bob.lost()
    bob.release()
    assert eve.unsettled() == str(owner("ann"))


def test_a_rollback_without_the_store() -> None:
    """While the store is down a rollback cannot know who writes; it asks again, and takes the lock once it can."""
    contest = Contest()
    contest.run("ann").claim()
    bob = contest.run("bob", "rollback")
    contest.store.faults = ["down", "down"]
    with pytest.raises(TransientError):
        bob.preempt()
    assert "somebody that cannot be seen" in bob.unsettled()
    assert bob.unsettled() == str(owner("ann"))
    contest.store.faults = ["down"]
    assert bob.unsettled() == str(owner("ann")), "what was known stays known"


@pytest.mark.parametrize("fault", ["answer lost", "late"])
def test_a_lock_taken_without_an_answer(fault: str) -> None:
    """A rollback whose taking was done and not answered knows it by its nonce: it takes the lock once, from one."""
    contest = Contest()
    contest.run("ann").claim()
    bob = contest.run("bob", "rollback")
    contest.store.faults = ["", fault]
    bob.preempt()
    assert contest.store.record.epoch == 2
    assert bob.unsettled() == str(owner("ann"))


def test_a_watch_that_nobody_knows_of() -> None:
    """Where the store does not answer, or has nothing, no watch is gone on with; nothing is raised."""
    contest = Contest()
    bob = contest.run("bob", "rollback")
    assert not bob.unwatched()
    contest.run("ann").claim()
    assert not bob.unwatched()
    contest.run("eve", "rollback").preempt()
    assert bob.unwatched()
    contest.store.faults = ["down"]
    assert not bob.unwatched()


def test_the_writes_of_a_way_back_are_excused() -> None:
    """A rollback writes without a lease, and whether or not it has lost one."""
    contest = Contest()
    bob = contest.run("bob", "rollback")
    bob.excuse(excused=True)
    with bob.writing():
        bob.may_send()
    bob.excuse(excused=False)
    assert refused(bob)


class Silent(MemoryStore):
    """A store that takes a question and gives no answer, until the test is over."""

    __slots__ = ("asked", "over")

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.over = Event(), Event()

    def read(self) -> Kept | None:
        """Hang."""
        self.asked.set()
        assert self.over.wait(60.0), "nobody ended the test"
        return None


def test_a_question_that_hangs_in_one_thread_holds_up_no_other() -> None:
    """With the store silent, a rollback watches somebody that it cannot see, for the whole time, and then ends."""
    store, clock = Silent(), HandClock()
    who = Who(owner=lambda: owner("bob"), token="t", life=lambda _: Life.UNKNOWN)  # noqa: S106 - no secret
    bob = Keeper(lambda _: store, clock, who, NoPulse(), patience_s=0.05)
    bob.begin(CALLER, "rollback")
    hangs = Thread(target=bob.preempt, daemon=True)
    hangs.start()
    assert store.asked.wait(60.0)
    assert "somebody that cannot be seen" in bob.unsettled()
    bob.excuse(excused=True)
    with bob.writing():
        bob.may_send()
    bob.release()
    clock.at_s += 390.0
    assert not bob.unsettled()
    bob.release()
    store.over.set()
    hangs.join(60.0)
    assert not hangs.is_alive()
