"""The lock of one run at its edges: races that are lost, a store that rests, and what is asked no more."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from locks import Contest, owner
from teal.host.lock import Keeper, Who
from teal.model.lock import Life
from teal.ports import Kept


def _touched(contest: Contest) -> None:
    """Let somebody write into the record that is held, e.g. that he has left."""
    record = replace(contest.store.record, nonce=f"{contest.store.record.nonce}+")
    contest.store.kept = Kept(record=record, version=record.nonce)


def test_a_release_that_loses_a_race_is_tried_again() -> None:
    """The record changed between look and write: it is read again, and the lock is free after the second write."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.store.before_write = [lambda: _touched(contest), lambda: None, lambda: None]
    ann.release()
    assert contest.store.record.writers == ()
    assert len(contest.store.before_write) == 1, "once it is free nothing more is written"


def test_a_renewal_that_always_loses_has_failed() -> None:
    """Then the lease is as old as it was, and a split is left in time; the next renewal makes all well again."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.clock.at_s += 45.0
    contest.store.before_write = [lambda: _touched(contest)] * 5
    ann.beat()
    assert ann.leaving()
    contest.clock.at_s += 4.0
    ann.beat()
    assert not ann.leaving()
    contest.clock.at_s += 46.0
    assert not ann.leaving(), "nothing has failed since"


def test_a_store_that_did_not_renew_is_left_alone_for_a_while() -> None:
    """It is asked again after a quarter of the time between two renewals."""
    contest = Contest()
    ann = contest.run("ann")
    ann.claim()
    contest.clock.at_s += 15.0
    contest.store.faults = ["down"] * 100
    left: list[int] = []
    for later_s in (0.0, 3.7, 0.1):
        contest.clock.at_s += later_s
        ann.beat()
        left.append(len(contest.store.faults))
    assert left[0] == left[1] > left[2]


def test_whoever_asks_afresh_knows_at_once() -> None:
    """A lock that was taken is known to be lost by whoever asks the store, long before the next heartbeat."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob", "rollback")
    assert ann.lost(afresh=True) == "", "it has none to lose"
    ann.claim()
    bob.preempt()
    assert ann.lost() == ""
    assert "bob" in ann.lost(afresh=True)
    assert "bob" in ann.lost(afresh=True)


def test_a_lock_that_was_stolen_is_left_without_a_word() -> None:
    """Nobody waits for whoever slept so long: the record of the new holder stays as it is, and is asked no more."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    ann.claim()
    bob.claim()
    contest.clock.at_s += 390.0
    bob.claim()
    writes = len(contest.store.writes)
    ann.beat()
    assert ann.lost()
    assert len(contest.store.writes) == writes
    contest.store.faults = ["down"] * 9
    ann.beat()
    ann.release()
    assert len(contest.store.faults) == 9


@dataclass(slots=True)
class Counting:
    """A heart that is felt: how often it shall beat, and whether it was stopped."""

    every_s: list[float] = field(default_factory=list[float])
    stopped: int = 0

    def start(self, beat: Callable[[], None], every_s: float) -> None:
        """Begin."""
        assert callable(beat)
        self.every_s.append(every_s)

    def stop(self) -> None:
        """End."""
        self.stopped += 1


def test_a_heart_beats_as_long_as_the_lock_is_held() -> None:
    """Every five seconds, so that a lease is renewed before it is twenty seconds old; a release ends it."""
    contest, heart = Contest(), Counting()
    who = Who(owner=lambda: owner("ann"), token="t", life=lambda _: Life.UNKNOWN)  # noqa: S106 - no secret
    keeper = Keeper(lambda _: contest.store, contest.clock, who, heart)
    keeper.begin(contest.caller, "deploy")
    assert heart.every_s == []
    keeper.claim()
    assert (heart.every_s, heart.stopped) == ([5.0], 0)
    keeper.release()
    assert heart.stopped == 1


def test_a_lock_that_is_lost_while_it_is_given_back_is_left_alone() -> None:
    """Whoever took it between the look and the write holds it; giving back an older epoch changes nothing of theirs."""
    contest = Contest()
    ann, bob = contest.run("ann"), contest.run("bob")
    ann.claim()
    contest.store.before_write = [bob.preempt]
    ann.release()
    assert contest.store.record.owner == owner("bob")
