"""The lock around a run: how long it is waited for, how it is taken on a way back, and how its victims are watched."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import pytest

from aws.canned import VirtualClock
from execute.scripted import DONE, SPLIT, Lock, faster, scripted, shares
from locks import owner
from plan.scenes import run
from teal.errors import (
    BusyError,
    DriftError,
    LostLockError,
    NeedsPersonError,
    StoppedError,
    TealError,
    TransientError,
    UsageError,
)
from teal.execute.locking import NO_LOCK, begin, explained, keep_watch, let_go, preempt
from teal.execute.session import Session
from teal.model.event import Noted
from teal.model.identity import Caller
from teal.model.lock import Claim, Claimed, Holder, Waiting
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback
from teal.model.snapshot import Snapshot
from teal.ports import Ports

T = TypeVar("T")
CALLER = Caller(account="123", arn="arn:x", region="eu-west-1")
BOB = Waiting(holder="bob in `shift`", left_s=390.0, dead=False)
DEAD = replace(BOB, left_s=7.0, dead=True)
DOWN = TransientError("no answer", code="Timeout", operation="store:any")
LATE, SOON, NEVER = "late", "soon", "never"


def told(session: Session, caller: Caller = CALLER) -> list[str]:
    """Begin, and return what is said."""
    return [event.message for event in begin(session, caller, "deploy") if isinstance(event, Noted)]


def naps(session: Session) -> list[float]:
    """Return how long was slept each time."""
    clock = session.ports.clock
    assert isinstance(clock, VirtualClock)
    return clock.naps


# Taking it


def test_whose_lock_it_is_is_said_before_it_is_claimed(ports: Ports) -> None:
    """A deployment claims it at once; a way back only says whose it would be; without a store that is told."""
    for intent, claims in ((Deploy(), ["claim"]), (Rollback(), []), (Abort(), [])):
        lock = Lock()
        assert told(scripted(ports, intent, SPLIT, lock=lock)) == []
        assert lock.told == ["begin deploy of 123", *claims]
        assert told(scripted(ports, intent, SPLIT)) == ([NO_LOCK] if claims else [])


@pytest.mark.parametrize("skew_s", [30.0, -30.0, 30.1, -30.1, 3000.0])
@pytest.mark.parametrize("locked", [True, False])
def test_a_clock_that_is_wrong_by_more_than_30_s(ports: Ports, skew_s: float, *, locked: bool) -> None:
    """It is refused, and the message says which way; a way back does not ask."""
    caller = replace(CALLER, skew_s=skew_s)
    session = scripted(ports, Deploy(), SPLIT, lock=Lock() if locked else None)
    if abs(skew_s) <= 30.0:
        told(session, caller)
    else:
        way = "behind" if skew_s > 0 else "ahead of"
        with pytest.raises(UsageError, match=f"clock is {abs(skew_s):.0f} s {way} AWS's"):
            told(session, caller)
    assert told(scripted(ports, Rollback(), SPLIT, lock=Lock()), caller) == []


SHIFTS = "waiting for the lock, held by bob in `shift`; unchanged, it is free in"
WAITS: dict[str, tuple[float, list[Claim | Exception], list[str], float]] = {
    # how long it is waited, what the store says in turn, what is told, and how long it took
    "free": (0.0, [Claimed(epoch=1)], [], 0.0),
    "broken": (
        0.0,
        [Claimed(epoch=9, broke=(Holder(epoch=1, owner=owner("ann")), Holder(epoch=2, owner=owner("bob"))))],
        [f"took over the lock of {owner('ann')}, {owner('bob')}, which had ended"],
        0.0,
    ),
    "waited for": (
        9.0,
        [BOB, BOB, replace(BOB, holder="bob in `bake`", left_s=0.5)],
        [
            f"{SHIFTS} 390 s",
            "waiting for the lock, held by bob in `bake`; unchanged, it is free in 0 s",
        ],
        4.5,
    ),
    "almost free": (
        9.0,
        [replace(BOB, left_s=0.001)],
        [f"{SHIFTS} 0 s"],
        0.02,
    ),
    "of a dead run": (
        0.0,
        [DEAD, replace(DEAD, left_s=5.0), replace(DEAD, left_s=3.0), replace(DEAD, left_s=1.0)],
        [f"{SHIFTS} 7 s"],
        7.0,
    ),
    "a store that hiccups": (0.0, [DOWN, DOWN, DOWN], [], 1.5),
}


@pytest.mark.parametrize(("wait_s", "claims", "said", "took_s"), WAITS.values(), ids=WAITS)
def test_how_the_lock_is_waited_for(
    ports: Ports, wait_s: float, claims: list[Claim | Exception], said: list[str], took_s: float
) -> None:
    """Every two seconds or when it may be free; each holder, and each phase of one, is told once."""
    session = scripted(ports, Deploy(), SPLIT, lock=Lock(claims=list(claims)), knows=run(lock_wait_s=wait_s))
    assert told(session) == said
    assert session.now_s - 1000.0 == pytest.approx(took_s)


@pytest.mark.parametrize(
    ("intent", "wait_s", "code"),
    [(Deploy(), 0.0, 6), (Flip(), 4.0, 6), (Retire(), 0.0, 6), (Retire(if_due=True), 0.0, 0)],
)
def test_when_it_is_waited_for_no_more(ports: Ports, intent: Intent, wait_s: float, code: int) -> None:
    """At the end of its patience a run is turned away with the holder's name; one from a schedule without complaint."""
    session = scripted(ports, intent, SPLIT, lock=Lock(claims=[BOB] * 9), knows=run(lock_wait_s=wait_s))
    with pytest.raises(BusyError, match="locked by bob in `shift`") as caught:
        told(session)
    assert (caught.value.exit_code, session.now_s - 1000.0) == (code, wait_s)
    assert "teal unlock" in caught.value.hint


@pytest.mark.parametrize("claims", [[BOB] * 9, [DOWN] * 9])
def test_a_signal_ends_the_wait_for_a_lock(ports: Ports, claims: list[Claim | Exception]) -> None:
    """Whoever waits for somebody, or for a store, can be stopped."""
    session = scripted(ports, Deploy(), SPLIT, lock=Lock(claims=claims), knows=run(lock_wait_s=99.0))
    clock = session.ports.clock
    assert isinstance(clock, VirtualClock)
    clock.stop = 2
    with pytest.raises(StoppedError):
        told(session)
    assert session.now_s == 1000.0


def test_a_store_that_does_not_answer(ports: Ports) -> None:
    """It is asked for half a minute, twice a second, and then the error says where to look."""
    session = scripted(ports, Deploy(), SPLIT, lock=Lock(claims=[DOWN] * 99))
    with pytest.raises(TransientError) as caught:
        told(session)
    assert "teal.yaml" in caught.value.hint
    assert naps(session) == [0.5] * 61


# Taking it from somebody


def answering(how: str, ports: Ports) -> Ports:
    """Return ports whose store answers in time, too late, or with an error."""

    def within(calls: Sequence[Callable[[], T]], patience_s: float) -> list[T | None]:
        assert patience_s == 2.0
        return [None for _ in calls] if how == LATE else [call() for call in calls]

    return replace(ports, within=within)


class Broken(Lock):
    """A lock whose store does not let it be taken."""

    __slots__ = ()

    def preempt(self) -> None:
        """Fail."""
        self.told.append("preempt")
        raise NeedsPersonError("its record cannot be read")


@pytest.mark.parametrize(
    ("lock", "how", "said"),
    [
        (Lock, SOON, []),
        (Lock, LATE, ["going back without the lock: no answer in 2 s"]),
        (Broken, SOON, ["going back without the lock: its record cannot be read"]),
    ],
)
@pytest.mark.parametrize("intent", [Rollback(), Abort()])
def test_a_way_back_takes_the_lock_once(
    ports: Ports, intent: Intent, lock: type[Lock], how: str, said: list[str]
) -> None:
    """A store that does not answer, or not in two seconds, is gone on without, and that is told."""
    taken = lock()
    session = scripted(answering(how, ports), intent, SPLIT, lock=taken)
    notes = [*preempt(session, shares(Fraction(1, 5), 0)), *preempt(session, SPLIT)]
    assert [note.message for note in notes if isinstance(note, Noted)] == said
    assert taken.told == (["preempt"] if how == SOON else [])
    assert session.preempted == frozenset({Fraction(0), Fraction(1), Fraction(1, 5), Fraction(4, 5)})


def test_who_takes_no_lock(ports: Ports) -> None:
    """Whoever goes forward, or goes back without a store, takes none from anybody."""
    lock = Lock()
    for session in (scripted(ports, Deploy(), SPLIT, lock=lock), scripted(ports, Rollback(), SPLIT)):
        assert list(preempt(session, SPLIT)) == []
        assert session.preempted is None
    assert lock.told == []


# Watching its victims


def watched(session: Session, preempted: Snapshot | None = SPLIT) -> tuple[list[str], list[bool]]:
    """Watch to the end; return what was told, and what each moment of it returned."""
    session.look()
    if preempted is not None:
        list(preempt(session, preempted))
    notes: list[str] = []
    again: list[bool] = []
    while not again or again[-1]:
        going = keep_watch(session)
        try:
            while True:
                event = next(going)
                assert isinstance(event, Noted)
                notes.append(event.message)
        except StopIteration as stop:
            again.append(stop.value)
    return notes, again


SAID = "done; watching for up to 390 s, because bob may still have a write under way"


@pytest.mark.parametrize(("time_scale", "pause_s"), [(1.0, 5.0), (4.0, 5.0), (0.5, 2.5), (0.001, 0.02)])
def test_how_victims_are_watched(ports: Ports, time_scale: float, pause_s: float) -> None:
    """As long as somebody may write there is a look every five seconds, sooner in a lab, and a last one afterwards.

    Why is told once.
    """
    lock = Lock(unsettled_=["bob", "bob", "bob"])
    session = scripted(ports, Rollback(), faster(SPLIT, time_scale), lock=lock)
    notes, again = watched(session)
    assert (len(notes), again) == (1, [True, True, True, True, False])
    assert time_scale != 1.0 or notes == [SAID]
    assert naps(session) == [pause_s] * 3
    assert not session.watching


def test_what_comes_at_the_end_of_the_watch_is_seen(ports: Ports) -> None:
    """A machine may sleep over the watch, and a weight land meanwhile: the last look comes when none can any more."""
    foreign = shares(Fraction(33, 100), 1)
    session = scripted(ports, Rollback(), DONE, DONE, foreign, lock=Lock(unsettled_=["bob"]))
    with pytest.raises(DriftError, match="33 % and 67 %"):
        watched(session, DONE)


@pytest.mark.parametrize("unwatched", [True, False])
@pytest.mark.parametrize("intent", [Rollback(), Abort(), Deploy()])
def test_what_somebody_else_had_begun_to_watch(ports: Ports, intent: Intent, *, unwatched: bool) -> None:
    """A way back that took no lock goes on with the watch of one that was killed, and only then."""
    lock = Lock(unsettled_=["bob"], unwatched_=unwatched)
    session = scripted(ports, intent, SPLIT, lock=lock)
    notes, again = watched(session, None)
    takes = unwatched and not isinstance(intent, Deploy)
    assert (bool(notes), again) == (takes, [True, True, False] if takes else [False])
    assert lock.told == (["preempt"] if takes else [])


def test_without_a_lock_nobody_is_watched(ports: Ports) -> None:
    """There is nobody to be known."""
    assert watched(scripted(ports, Rollback(), SPLIT)) == ([], [False])


@pytest.mark.parametrize(("limit_s", "moments"), [(1000.0, 2), (1004.0, 2), (1005.0, 3)])
def test_a_limit_ends_the_watch(ports: Ports, limit_s: float, moments: int) -> None:
    """Once `--timeout` is over the run ends, and says whom it does not watch any more."""
    session = scripted(ports, Rollback(), SPLIT, lock=Lock(unsettled_=["bob"] * 99))
    session.deadline_s = limit_s
    notes, again = watched(session)
    assert notes == [SAID, "the time limit ends the watch; bob may still have a write under way"]
    assert len(again) == moments


@pytest.mark.parametrize("signal", [2, 15])
def test_a_signal_ends_the_watch(ports: Ports, signal: int) -> None:
    """It says that production went back, and with what code."""
    lock = Lock(unsettled_=["bob"] * 9)
    lock.clock.stop = signal
    session = scripted(ports, Rollback(), SPLIT, lock=lock)
    with pytest.raises(StoppedError, match="production went back; stopped by signal") as caught:
        watched(session)
    assert (caught.value.exit_code, naps(session)) == (128 + signal, [])


def test_a_foreign_weight_ends_the_watch(ports: Ports) -> None:
    """One that no step of the victim has, and that was not there before, was written by somebody else."""
    lock = Lock(unsettled_=["bob"] * 9)
    session = scripted(ports, Rollback(), DONE, shares(Fraction(33, 100), 1), lock=lock)
    with pytest.raises(DriftError, match="33 % and 67 %"):
        watched(session, DONE)


# Ending


FOREIGN = DriftError("drift: somebody else changed it")


@pytest.mark.parametrize(
    ("intent", "error", "lost_after_s", "took_s", "lost"),
    [
        (Deploy(), FOREIGN, 0.0, 0.0, True),
        (Deploy(), FOREIGN, 1.1, 1.2, True),
        (Deploy(), FOREIGN, 9.0, 2.0, False),
        (Deploy(), BusyError("the lease ran out"), 0.0, 0.0, True),
        (Deploy(), BusyError("the lease ran out"), 1.1, 0.0, False),
        (Deploy(), LostLockError("ann"), 0.0, 0.0, False),
        (Deploy(), UsageError("other"), 0.0, 0.0, False),
        (Rollback(), FOREIGN, 0.0, 0.0, False),
        (Rollback(), BusyError("the lease ran out"), 0.0, 0.0, False),
    ],
)
def test_whoever_has_the_lock_instead_is_named(
    ports: Ports, intent: Intent, error: TealError, lost_after_s: float, took_s: float, *, lost: bool
) -> None:
    """Whoever changed a route may take the lock a moment later: that is waited for, for two seconds, and asked afresh.

    Of a lease that ran out the store knows at once.
    """
    lock = Lock(lost_to="eve", lost_from_s=1000.0 + lost_after_s)
    session = scripted(ports, intent, SPLIT, lock=lock)
    why = explained(session, error)
    assert session.now_s - 1000.0 == pytest.approx(took_s, abs=0.21 if took_s == 2.0 else 1e-6)
    assert ("afresh" in lock.told) is (type(error) in {DriftError, BusyError} and isinstance(intent, Deploy))
    if lost:
        assert isinstance(why, LostLockError)
        assert why.message.startswith(f"{error.message}; the lock was lost to eve")
    else:
        assert why is error
    assert explained(scripted(ports, Deploy(), SPLIT), error) is error


def test_the_lock_is_given_back(ports: Ports) -> None:
    """Where there is one."""
    lock = Lock()
    let_go(scripted(ports, Deploy(), SPLIT, lock=lock))
    let_go(scripted(ports, Deploy(), SPLIT))
    assert lock.told == ["release"]
