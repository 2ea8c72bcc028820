"""What follows what AWS answers instead of doing an act, and how long its effect is looked for."""

from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest

from execute.deeds import (
    AT_ONCE,
    BACK_0,
    BEFORE,
    BUSY,
    DELETE,
    DENIED,
    EMPTY,
    ENOUGH,
    FIRST,
    GARBLED,
    MAKE,
    MOVE,
    ORDER,
    RAISE,
    REFUSED,
    REGISTER,
    REPLACE,
    TAG,
    TAGGED,
    VERDICT,
    Deeds,
    acting,
    does,
    naps,
)
from execute.scripted import ANNOUNCED, DONE, HALF, SPLIT, STARTING, counted, kinds, looked, shares
from plan.scenes import LONG_AGO, Scene, run
from teal.errors import NeedsPersonError, RefusedError, TealError
from teal.execute.seen import value_of
from teal.model.event import Event, Noted, StepFailed, TurnedBack
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Intent, Retire, Rollback, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.step import (
    Act,
    WriteRoute,
)
from teal.model.tags import Stage
from teal.plan.back import ROUTES_FIRST
from teal.ports import Ports

THERE = Scene(shares=(1, 1), b="d7.42").seen()  # no move on record
FORWARD: dict[str, tuple[Snapshot, Act, Exception, int, bool]] = {  # the exit code, and whether the slot is put back
    "a weight": (SPLIT, FIRST, REFUSED, 4, False),
    "a weight, denied": (SPLIT, FIRST, DENIED, 4, False),
    "the first weight": (THERE, FIRST, DENIED, 4, False),
    "tasks in a shift": (SPLIT, RAISE, REFUSED, 4, True),
    "a revision": (STARTING, REPLACE, REFUSED, 2, True),
    "a revision, denied": (STARTING, REPLACE, DENIED, 3, True),
    "a registration": (STARTING, REGISTER, REFUSED, 2, True),
    "a service": (STARTING, MAKE, REFUSED, 2, True),
    "before any move": (THERE, REPLACE, REFUSED, 2, True),
    "a tag": (STARTING, TAGGED, REFUSED, 4, False),
    "a tag, denied": (STARTING, TAG, DENIED, 3, False),
}


@pytest.mark.parametrize(("seen", "step", "error", "exit_code", "failed"), FORWARD.values(), ids=FORWARD)
def test_what_aws_refuses_forward_sends_production_back(
    ports: Ports, seen: Snapshot, step: Act, error: Exception, exit_code: int, *, failed: bool
) -> None:
    """Nobody is judged; the exit code says whether it was the traffic, the permission or the configuration."""
    session = acting(ports, Deeds(fates=[error]), Deploy(), seen, ENOUGH)
    events = does(session, step)
    assert kinds(events) == ["StepBegan", "StepFailed", "TurnedBack"]
    assert isinstance(events[1], StepFailed)
    assert events[1].follows == "back"
    reason = f"{step.sentence()}: {events[1].reason}"
    assert session.run.turn_back == TurnBack(reason=reason, judged=False, failed=failed, exit_code=exit_code)


def test_what_aws_refuses_ends_a_retire(ports: Ports) -> None:
    """There is nothing to go back to: the error is the end."""
    session = acting(ports, Deeds(fates=[REFUSED]), Retire(), DONE, ENOUGH)
    with pytest.raises(RefusedError):
        does(session, EMPTY)


@pytest.mark.parametrize("error", [BUSY, GARBLED])
@pytest.mark.parametrize("step", [FIRST, RAISE])
def test_a_busy_aws_is_asked_again_for_a_minute(ports: Ports, step: Act, error: Exception) -> None:
    """Twice a second; the first failure after a minute sends production back, and nobody is judged."""
    session = acting(ports, Deeds(fates=[error] * 200), Deploy(), SPLIT, laws=AT_ONCE)
    events: list[Event] = []
    while session.run.turn_back is None:
        events += does(session, step)
        session.bounds.expect(9)
    failures = [event for event in events if isinstance(event, StepFailed)]
    assert {event.follows for event in failures} == {"retry"}
    assert [event.at_s - failures[0].at_s for event in failures] == [nth / 2 for nth in range(122)]
    assert sum(isinstance(event, TurnedBack) for event in events) == 1
    assert (session.run.turn_back.judged, session.run.turn_back.exit_code) == (False, 4)
    assert session.run.failed_writes == ({0: 122} if step is FIRST else {})
    assert error is GARBLED or failures[0].reason.endswith("slow down (request r-1)")


def test_a_way_back_outlasts_a_busy_aws(ports: Ports) -> None:
    """A route is tried for ever; what is only recorded, for ten minutes: then the next run must do it."""
    for step in (BACK_0, TAGGED):
        session = acting(ports, Deeds(fates=[BUSY] * 9), Rollback(), SPLIT, laws=AT_ONCE)
        does(session, step)
        session.ports.clock.sleep(599.5)
        does(session, step)
        assert session.now_s == 1600.5
        with nullcontext() if step is BACK_0 else pytest.raises(NeedsPersonError, match="is outstanding"):
            does(session, step)
        assert session.run.turn_back is None


def test_what_aws_refuses_on_a_way_back(ports: Ports) -> None:
    """A route is tried five times, twice a second, and then named; anything else at once."""
    session = acting(ports, Deeds(fates=[DENIED] * 9), Rollback(), SPLIT, laws=AT_ONCE, knows=run(failed_writes={1: 4}))
    for _ in range(4):
        events = does(session, BACK_0)
        assert [event.follows for event in events if isinstance(event, StepFailed)] == ["retry"]
    assert session.now_s == 1002.0
    with pytest.raises(NeedsPersonError, match=r"100 % → slot a on r0 is outstanding: not you"):
        does(session, BACK_0)
    assert session.run.failed_writes == {0: 5, 1: 4}
    with pytest.raises(NeedsPersonError, match=r"is outstanding"):
        does(session, RAISE)


@pytest.mark.parametrize("error", [BUSY, REFUSED])
def test_no_route_waits_for_a_record(ports: Ports, error: Exception) -> None:
    """What a way back would record before it tries a route again is put off once, without a pause."""
    session = acting(
        ports, Deeds(fates=[error] * 9), Rollback(), SPLIT, laws=AT_ONCE, knows=replace(BEFORE, failed_writes={0: 1})
    )
    events = does(session, TAGGED)
    assert [event.follows for event in events if isinstance(event, StepFailed)] == ["retry"]
    assert (set(session.run.passed), naps(session)) == ({"identity", ROUTES_FIRST}, [])
    if error is REFUSED:
        with pytest.raises(NeedsPersonError):
            does(session, TAGGED)
    else:
        does(session, TAGGED)
        assert naps(session) == [0.5]
    for intent, knows in ((Rollback(), run()), (Deploy(), BEFORE)):
        other = acting(ports, Deeds(fates=[error] * 9), intent, SPLIT, laws=AT_ONCE, knows=knows)
        with suppress(NeedsPersonError):
            does(other, TAGGED)
        assert set(other.run.passed) == set(knows.passed)


@pytest.mark.parametrize("error", [BUSY, REFUSED, DENIED])
@pytest.mark.parametrize(("step", "mark"), [(VERDICT, "verdict:42"), (ORDER, "seq")])
def test_a_mark_is_worth_one_try(ports: Ports, step: Act, mark: str, error: TealError) -> None:
    """A revision that cannot be marked is told of, and nothing fails."""
    session = acting(ports, Deeds(fates=[error]), Deploy(), DONE, laws=AT_ONCE, knows=BEFORE)
    events = does(session, step)
    assert kinds(events) == ["StepBegan", "Noted"]
    assert isinstance(events[1], Noted)
    assert events[1].message.startswith("revision 42 could not be marked: ")
    assert (session.run.turn_back, set(session.run.passed)) == (None, {"identity", mark})


LOST: dict[str, tuple[Act, set[int], set[Slot], set[str], bool, int]] = {
    "a weight": (FIRST, {0}, set(), {"route:0"}, False, 0),
    "a deleted rule": (DELETE, {1}, set(), {"route:1"}, False, 0),
    "tasks": (RAISE, set(), {Slot.B}, {"service:b"}, False, 0),
    "no tasks": (EMPTY, set(), {Slot.A}, {"service:a"}, False, 0),
    "a revision": (REGISTER, set(), set(), set(), False, 1),
    "a tag": (TAG, set(), set(), set(), True, 0),
    "a service": (MAKE, set(), set(), set(), False, 0),
}


@pytest.mark.parametrize(("step", "wrote", "updated", "unheard", "announcing", "again"), LOST.values(), ids=LOST)
def test_what_may_have_been_done_is_expected(  # noqa: PLR0913 - a table's columns
    ports: Ports, step: Act, wrote: set[int], updated: set[Slot], unheard: set[str], again: int, *, announcing: bool
) -> None:
    """The effect of an act whose answer got lost is this run's own, whenever it shows."""
    session = acting(ports, Deeds(fates=[GARBLED]), Deploy(), SPLIT, ENOUGH)
    does(session, step)
    assert (session.wrote, session.updated, set(session.unheard)) == (wrote, updated, unheard)
    assert session.announcing == ({MOVE: TAG} if announcing else {})
    assert looked(session).recent_again == again
    for key, value in session.unheard.items():
        assert value != value_of(key, session.snapshot)


# Seeing it


@pytest.mark.parametrize(
    ("intent", "step", "patience_s"),
    [
        (Deploy(), RAISE, 60.0),
        (Rollback(), RAISE, 60.0),
        (Rollback(), BACK_0, 2.0),
        (Abort(), replace(BACK_0, index=1), 2.0),
    ],
)
@pytest.mark.parametrize("over_s", [0.0, 0.5])
def test_how_long_an_act_is_looked_for(
    ports: Ports, intent: Intent, step: Act, patience_s: float, over_s: float
) -> None:
    """A minute; a weight on a way back for two seconds: somebody may have written the value before once more."""
    looks = 0

    def sees(_: Act, __: Snapshot) -> bool:
        nonlocal looks
        looks += 1
        session.ports.clock.sleep(patience_s + over_s - (session.now_s - 1000.0) if looks == 1 else 0.0)
        return looks > 1

    seen = shares(0, 0) if isinstance(step, WriteRoute) else SPLIT
    session = acting(ports, Deeds(), intent, seen, laws=replace(AT_ONCE, seen=sees))
    events = does(session, step)
    assert looks == (2 if over_s == 0.0 else 1)
    failures = [event for event in events if isinstance(event, StepFailed)]
    assert [(event.follows, f"it {patience_s + over_s:.0f} s ago" in event.reason) for event in failures] == (
        [("retry", True)] if over_s else []
    )


def test_an_act_is_looked_for_less_and_less_often(ports: Ports) -> None:
    """Soon at first, every two seconds in the end; what was written stays this run's own until it shows."""
    left = [True] * 8

    def sees(_: Act, __: Snapshot) -> bool:
        return not left or not left.pop()

    flickering = [SPLIT, replace(counted(Slot.B, 5), routes=shares(0, HALF).routes), SPLIT]
    session = acting(ports, Deeds(), Deploy(), *flickering, laws=replace(AT_ONCE, seen=sees), knows=run(own_move=MOVE))
    session.wrote, session.updated = {0}, {Slot.B}
    does(session, TAG)
    assert naps(session) == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
    assert not list(session.unsaid()), "neither another count nor another weight is news"


def test_what_turns_a_run_back_ends_the_looking(ports: Ports) -> None:
    """A look that shows a stranger's weight, or an earlier tag over the one that was written, is acted upon at once."""
    never = replace(AT_ONCE, seen=lambda *_: False)
    session = acting(ports, Deeds(), Deploy(), SPLIT, shares(0, HALF), laws=never, knows=run(own_move=MOVE))
    does(session, TAG)
    assert session.run.foreign == {0}
    assert naps(session) == []
    late = MOVE.entering(Stage.PREPARE, LONG_AGO - 9)
    found = Scene(move=str(late), shares=(0, 0), b="d7.42").seen()
    tagged = acting(ports, Deeds(), Deploy(), ANNOUNCED, found, laws=never)
    tagged.announcing = {late: replace(TAG, tag=late)}
    does(tagged, TAG)
    assert naps(tagged) == []
