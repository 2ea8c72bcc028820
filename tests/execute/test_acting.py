"""One act at a time: what is looked at before it, how it is told, and what a run knows afterwards."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from execute.deeds import (
    AT_ONCE,
    BACK_0,
    BACK_1,
    BALANCER,
    BEFORE,
    BUSY,
    CREATE,
    DELETE,
    DENIED,
    EMPTY,
    ENOUGH,
    FIRST,
    GROUP,
    MADE,
    MAKE,
    MOVE,
    ORDER,
    RAISE,
    REFUSED,
    REGISTER,
    REGISTERED,
    REPLACE,
    SECOND,
    SICK,
    TAG,
    TAGGED,
    TASTE,
    VERDICT,
    Deeds,
    acting,
    does,
)
from execute.scripted import DONE, HALF, SPLIT, STARTING, Lock, Look, looked, shares
from plan.scenes import LONG_AGO, Scene, run
from teal.errors import NeedsPersonError, TransientError
from teal.execute.acting import once_more
from teal.execute.laws import LAWS
from teal.execute.session import Session
from teal.model.event import StepBegan, StepEnded
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Intent, Retire, Rollback, Run
from teal.model.snapshot import Snapshot
from teal.model.step import (
    Act,
    CreateRoute,
    DeleteRoute,
    Step,
    TagMove,
    WriteRoute,
)
from teal.model.tags import Stage
from teal.ports import Ports

BEFORE_TAGGED = Scene(move=str(MOVE), shares=(HALF, HALF), b="d7.42.served").seen()

# Before


def test_what_an_invariant_forbids_is_not_done(ports: Ports) -> None:
    """A step that would break one needs a person; nothing is written."""
    deeds = Deeds()
    session = acting(ports, deeds, Deploy(), SPLIT, laws=replace(LAWS, broken=lambda *_, **__: "I9: too old"))
    with pytest.raises(NeedsPersonError, match="was not done: I9: too old"):
        does(session, RAISE)
    assert deeds.done == []


@pytest.mark.parametrize(
    ("intent", "step", "told"),
    [
        (Deploy(), FIRST, ["enter shift", "excused False", "renew"]),
        (Rollback(), BACK_0, ["enter back", "excused True", "renew", "preempt"]),
        (Abort(), BACK_0, ["enter back", "excused True", "renew", "preempt"]),
        (Abort(), replace(REPLACE, putting_back=True), ["enter back", "excused False", "renew", "preempt"]),
        (Abort(), RAISE, ["enter back", "excused True", "renew", "preempt"]),
    ],
)
def test_the_lease_is_renewed_before_the_look_and_taken_after_the_write(
    ports: Ports, intent: Intent, step: Act, told: list[str]
) -> None:
    """All acts need the lease but those of a way back on traffic; a way back takes the lock once it has written."""
    lock, deeds = Lock(), Deeds()
    session = acting(ports, deeds, intent, SPLIT, lock=lock, laws=AT_ONCE)
    does(session, step)
    assert lock.told == told


@pytest.mark.parametrize(
    ("age_s", "step", "again"), [(1.0, FIRST, False), (1.01, FIRST, True), (9.0, EMPTY, True), (9.0, RAISE, False)]
)
def test_what_moves_traffic_follows_a_read_of_the_last_second(
    ports: Ports, age_s: float, step: Act, *, again: bool
) -> None:
    """A look that is older than a second is not written upon: the routes are read again, for these writes alone."""
    looks: list[Look] = [SPLIT, *[SPLIT] * again, ENOUGH]
    session = acting(ports, Deeds(), Deploy(), *looks, laws=AT_ONCE, knows=run(own_move=MOVE))
    session.ports.clock.sleep(age_s)
    does(session, step)
    assert looked(session).taken == ["full", *["glance"] * again, "full"]


LOST = run(own_move=MOVE, turn_back=SICK)
DEAD = Scene(move=str(MOVE), shares=(HALF, HALF), b="d7.42", healthy={Slot.A: 0}).seen()


@pytest.mark.parametrize("step", [BACK_0, FIRST])
@pytest.mark.parametrize("found", [DEAD, SPLIT, BUSY, REFUSED, DENIED])
def test_a_verdict_goes_back_to_whom_it_sees_alive(ports: Ports, step: WriteRoute, found: Look) -> None:
    """The full look may be a minute old: who gets the weight is looked at once more, if AWS answers; else as it was."""
    deeds, slots = Deeds(), [slot for slot, _ in step.shares]
    looks: list[Look] = [SPLIT, SPLIT, *[found for _ in slots], ENOUGH]
    session = acting(ports, deeds, Deploy(), *looks, laws=replace(LAWS, seen=lambda *_: True), knows=LOST)
    session.ports.clock.sleep(2.0)
    if found is DEAD and step is BACK_0:
        with pytest.raises(NeedsPersonError, match=r"I1: .* has no healthy target"):
            does(session, step)
    else:
        does(session, step)
    assert looked(session).taken[:3] == ["full", "glance", *[f"slot {slot}" for slot in slots]][:3]
    assert len(deeds.done) == (found is not DEAD or step is not BACK_0)


@pytest.mark.parametrize(("takes_s", "again"), [(1.0, False), (1.1, True)])
def test_an_answer_that_took_long_has_made_the_look_old(ports: Ports, takes_s: float, *, again: bool) -> None:
    """Then the routes are read once more, so that nothing is written over what somebody else made of them meanwhile."""
    session = acting(ports, Deeds(), Deploy(), *[SPLIT] * (4 + again), ENOUGH, laws=AT_ONCE, knows=LOST)
    looked(session).watch_takes_s = takes_s
    session.ports.clock.sleep(2.0)
    does(session, BACK_0)
    assert looked(session).taken == ["full", "glance", "slot a", *["glance"] * again, "full", "full"]


@pytest.mark.parametrize(
    ("intent", "knows", "glance", "step"),
    [
        (Rollback(), LOST, SPLIT, BACK_0),
        (Abort(), LOST, SPLIT, BACK_0),
        (Deploy(), run(own_move=MOVE), SPLIT, FIRST),
        (Deploy(), LOST, BUSY, BACK_0),
        (Deploy(), LOST, SPLIT, EMPTY),
    ],
)
def test_who_is_not_looked_at_once_more(ports: Ports, intent: Intent, knows: Run, glance: Look, step: Act) -> None:
    """A rollback does not wait for it, a run that goes forward has just looked, and where AWS is busy nothing waits."""
    looks: list[Look] = [SPLIT, *[glance] * (9 if glance is BUSY else 1), *[BUSY] * 90]
    session = acting(ports, Deeds(), intent, *looks, laws=AT_ONCE, knows=knows)
    session.ports.clock.sleep(2.0)
    with suppress(TransientError):
        does(session, step)
    assert not [taken for taken in looked(session).taken if taken.startswith("slot")]


def test_nothing_is_written_over_what_a_glance_shows(ports: Ports) -> None:
    """A stranger wrote a route between look and write: neither that route nor the next is written."""
    deeds = Deeds()
    session = acting(ports, deeds, Deploy(), SPLIT, shares(0, HALF), knows=run(own_move=MOVE))
    session.ports.clock.sleep(2.0)
    does(session, SECOND, FIRST)
    assert session.run.foreign == {0}
    assert deeds.done == []


@pytest.mark.parametrize(("intent", "written"), [(Deploy(), 0), (Rollback(), 2)])
@pytest.mark.parametrize("age_s", [59.0, 60.0])
def test_an_announcement_of_a_minute_ago_is_not_kept(ports: Ports, intent: Intent, written: int, age_s: float) -> None:
    """Forward the weights are announced anew, and no rule is made instead; a way back is written all the same."""
    deeds = Deeds()
    session = acting(ports, deeds, intent, SPLIT, laws=AT_ONCE)
    session.ports.clock.sleep(LONG_AGO + age_s - session.now_s)
    looked(session).left = [MADE]
    session.look()
    does(session, FIRST, CREATE)
    assert len(deeds.done) == (2 if age_s < 60.0 else written)


@pytest.mark.parametrize(
    ("steps", "fates", "done", "seen"),
    [
        ([BACK_0, BACK_1, TAG], [], 2, 2),
        ([BACK_0, RAISE, BACK_1], [], 1, 1),
        ([RAISE, BACK_0], [], 1, 1),
        ([BACK_0, BACK_1], [BUSY], 1, 0),
        ([BACK_0, BACK_1], [REFUSED], 1, 0),
        ([BACK_0, BACK_1], [None, BUSY], 2, 1),
    ],
)
def test_routes_are_written_from_one_look(
    ports: Ports, steps: list[Step], fates: list[Exception | None], done: int, seen: int
) -> None:
    """All routes that come first are written one after the other, up to the first that is not; of others only one."""
    awaited: list[Act] = []

    def sees(step: Act, _: Snapshot) -> bool:
        awaited.append(step)
        return True

    deeds = Deeds(fates=fates)
    session = acting(ports, deeds, Rollback(), SPLIT, laws=replace(AT_ONCE, seen=sees))
    does(session, *steps)
    assert (len(deeds.done), awaited) == (done, steps[:seen])


# Telling


def test_an_act_is_told_before_and_after(ports: Ports) -> None:
    """Its number, its stage, how long it took and what came of it; the next one has the next number."""
    session = acting(ports, Deeds(took_s=0.25), Deploy(), STARTING, laws=AT_ONCE)
    began, ended, *_ = [*does(session, REGISTER), *does(session, REGISTER)]
    assert began == StepBegan(at_s=1000.0, step=REGISTER, number=1, stage="prepare")
    assert ended == StepEnded(at_s=1000.25, step=REGISTER, took_s=0.25, detail="revision 44")
    assert session.step_number == 2
    assert session.run.registered == REGISTERED.revision


def test_an_act_that_does_not_help_is_done_three_times(ports: Ports) -> None:
    """Then a person is needed; what moves traffic on a way back, and AWS that is busy, count for nothing."""
    for intent, step, fate in ((Rollback(), BACK_0, None), (Deploy(), TAG, BUSY)):
        often = acting(ports, Deeds(fates=[fate] * 9), intent, SPLIT, laws=AT_ONCE)
        for _ in range(9):
            does(often, step)
    for intent, again in ((Deploy(), RAISE), (Deploy(), FIRST), (Rollback(), RAISE)):
        looks = [SPLIT, shares(1, HALF)] if again is FIRST else [SPLIT]
        session = acting(ports, Deeds(), intent, *looks, laws=AT_ONCE, knows=run(own_move=MOVE))
        for _ in range(3):
            does(session, again)
        with pytest.raises(NeedsPersonError, match="going in circles"):
            does(session, again)


@pytest.mark.parametrize(("between", "back"), [(None, False), (BUSY, True)])
def test_an_act_that_was_done_has_not_been_failing_since(
    ports: Ports, between: Exception | None, *, back: bool
) -> None:
    """The minute in which it may fail begins anew once it was done."""
    session = acting(ports, Deeds(fates=[BUSY, between, BUSY]), Deploy(), SPLIT, laws=AT_ONCE)
    for _ in range(3):
        does(session, RAISE)
        session.ports.clock.sleep(40.0)
    assert (session.run.turn_back is not None) is back


def test_a_rule_whose_answer_got_lost_announces_its_tag(ports: Ports) -> None:
    """It is made with the tag, for all traffic; whenever both come, they are its own. Without one, nothing is."""
    for tag, announcing in ((MOVE, {MOVE: TagMove(tag=MOVE, percent=100)}), (None, {})):
        session = acting(ports, Deeds(fates=[BUSY]), Deploy(), MADE, ENOUGH, laws=AT_ONCE)
        does(session, replace(CREATE, tag=tag))
        assert session.announcing == announcing


def test_a_tag_of_a_service_that_was_seen_does_not_go_away(ports: Ports) -> None:
    """A look that shows what was there before it is stale, and is taken once more."""
    session = acting(ports, Deeds(), Deploy(), BEFORE_TAGGED, SPLIT, BEFORE_TAGGED, SPLIT)
    does(session, TAGGED)
    assert session.look().slot(Slot.B).deployment == TAGGED.tag
    assert looked(session).taken == ["full"] * 4


def test_a_tag_that_goes_over_a_late_one_counts_for_nothing(ports: Ports) -> None:
    """As many answers as got lost may come; any other tag is counted."""
    late = MOVE.entering(Stage.PREPARE, LONG_AGO - 9)
    for announced, bounded in ((True, False), (False, True)):
        showing = Scene(move=str(late), shares=(0, 0), b="d7.42").seen()
        session = acting(
            ports, Deeds(), Deploy(), showing, knows=run(own_move=MOVE, announced_percent=50), laws=AT_ONCE
        )
        for _ in range(3):
            session.announcing = {late: replace(TAG, tag=late)} if announced else {}
            does(session, TAG)
        session.announcing = {late: replace(TAG, tag=late)} if announced else {}
        assert bool(session.bounds.count(TAG, endless=False)) is bounded


@pytest.mark.parametrize(
    ("intent", "knows", "late", "again"),
    [
        (Deploy(), run(own_move=MOVE, announced_percent=50), True, TAG),
        (Deploy(), run(own_move=MOVE, announced_percent=50), False, None),
        (Deploy(), run(), True, None),
        (Rollback(), run(own_move=MOVE), True, None),
        (Deploy(), run(own_move=MOVE, turn_back=SICK), True, None),
    ],
)
def test_when_a_tag_is_written_once_more(
    ports: Ports, intent: Intent, knows: Run, again: TagMove | None, *, late: bool
) -> None:
    """Forward, where an earlier tag came late over it; on a way back the weights come first."""
    earlier = MOVE.entering(Stage.PREPARE, LONG_AGO - 9)
    session = acting(ports, Deeds(), intent, Scene(move=str(earlier), shares=(0, 0), b="d7.42").seen(), knows=knows)
    session.announcing = {earlier: TAG} if late else {}
    assert once_more(session) == again


# What a run knows afterwards


def known(session: Session) -> dict[str, Any]:
    """Return what acts leave behind in a run."""
    run_ = session.run
    return {
        "emptied": run_.emptied,
        "raised_from": run_.raised_from,
        "passed": set(run_.passed),
        "own_move": run_.own_move,
        "percent": run_.announced_percent,
        "registered": run_.registered,
        "failed_writes": dict(run_.failed_writes),
        "whole": run_.whole_since_s is not None,
    }


AFTER = {
    "emptied": None,
    "raised_from": None,
    "passed": {"identity"},
    "own_move": None,
    "percent": None,
    "registered": None,
    "failed_writes": {0: 2, 1: 1},
    "whole": True,
}
DONE_: dict[str, tuple[Intent, Snapshot, Run, Act, dict[str, Any]]] = {
    "a tag of the move": (Deploy(), SPLIT, BEFORE, TAG, {"own_move": MOVE, "percent": 50}),
    "a revision": (Deploy(), STARTING, BEFORE, REGISTER, {"registered": 44}),
    "a verdict": (Deploy(), DONE, BEFORE, VERDICT, {"passed": {"identity", "verdict:42"}}),
    "a number": (Deploy(), DONE, BEFORE, ORDER, {"passed": {"identity", "seq"}}),
    "a weight": (Deploy(), SPLIT, BEFORE, FIRST, {"failed_writes": {1: 1}}),
    "a rule": (Deploy(), MADE, BEFORE, replace(CREATE, index=0), {"failed_writes": {1: 1}}),
    "a tagged rule": (
        Deploy(),
        MADE,
        BEFORE,
        replace(CREATE, tag=MOVE),
        {"failed_writes": {0: 2}, "own_move": MOVE},
    ),
    "a deleted rule": (Deploy(), SPLIT, BEFORE, DELETE, {"failed_writes": {0: 2}}),
    "more tasks": (Deploy(), SPLIT, BEFORE, RAISE, {"raised_from": 2, "whole": False}),
    "still more tasks": (
        Deploy(),
        SPLIT,
        replace(BEFORE, raised_from=1),
        RAISE,
        {"raised_from": 1, "whole": False},
    ),
    "more tasks on a way back": (Rollback(), SPLIT, BEFORE, RAISE, {"whole": False}),
    "another revision": (Deploy(), STARTING, BEFORE, REPLACE, {"whole": False}),
    "a service": (Deploy(), STARTING, BEFORE, MAKE, {"whole": False}),
    "none at all": (
        Retire(),
        DONE,
        BEFORE,
        EMPTY,
        {"emptied": (Slot.A, 2), "passed": {"identity", "retired"}, "whole": False},
    ),
    "a group": (Deploy(), replace(STARTING, load_balancers=(BALANCER,)), BEFORE, GROUP, {}),
    "a taste rule": (Deploy(), STARTING, BEFORE, TASTE, {}),
    "a tag of the service": (Deploy(), STARTING, BEFORE, TAGGED, {}),
}


@pytest.mark.parametrize(("intent", "seen", "knows", "step", "differs"), DONE_.values(), ids=DONE_)
def test_what_is_known_after_an_act(
    ports: Ports, intent: Intent, seen: Snapshot, knows: Run, step: Act, differs: dict[str, Any]
) -> None:
    """Each kind of act leaves what the plan asks for later, and nothing else."""
    session = acting(ports, Deeds(), intent, seen, ENOUGH, knows=knows, laws=AT_ONCE)
    session.note(whole_since_s=1000.0)
    does(session, step)
    assert known(session) == AFTER | differs
    if isinstance(step, WriteRoute | CreateRoute | DeleteRoute):
        assert session.run.weights is not None
        assert session.run.weights.since_s == session.now_s
