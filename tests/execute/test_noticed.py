"""What a run makes of what somebody else did between two looks: drift, adopted or not, a split that goes back."""

import re
from dataclasses import replace
from fractions import Fraction

import pytest

from execute.scripted import ANNOUNCED, DONE, HALF, SPLIT, STARTING, Lock, counted, of_service, scripted, shares
from plan.scenes import LONG_AGO, Scene, run, spec
from region_fakes import Story
from teal.errors import BusyError, DriftError, LostLockError
from teal.execute.guard import taken_back
from teal.execute.seen import value_of
from teal.model.event import Drifted, TurnedBack
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.step import TagMove
from teal.model.tags import MoveTag, Stage
from teal.ports import Ports

MOVE = MoveTag(id="d7", origin=Slot.A, to=Slot.B, stage=Stage.SHIFT, entered_at_s=LONG_AGO)
MINE = run(own_move=MOVE)

SICK = TurnBack(reason="sick", exit_code=4)
ADOPTABLE = of_service(Slot.A, lambda service: replace(service, minimum_healthy_percent=50), STARTING)
BOTH = counted(Slot.A, 2, of_service(Slot.B, lambda service: replace(service, minimum_healthy_percent=50), ADOPTABLE))


@pytest.mark.parametrize(
    ("intent", "after", "hint"),
    [
        (Deploy(), ADOPTABLE, "`--adopt` takes it as it is; run the command again to go on from what is there now"),
        (Retire(), ADOPTABLE, "`--adopt` takes it as it is; run the command again to go on from what is there now"),
        (Deploy(), BOTH, "run the command again to go on from what is there now"),
        (Deploy(adopt=True), BOTH, "run the command again to go on from what is there now"),
        (Flip(adopt=True), BOTH, "run the command again to go on from what is there now"),
        (Flip(adopt=True), ADOPTABLE, None),
        (Deploy(adopt=True), ADOPTABLE, None),
    ],
)
def test_what_may_be_adopted(ports: Ports, intent: Intent, after: Snapshot, hint: str | None) -> None:
    """Changes go on with the run only where every one of them may, and where it was asked for; else they stop it."""
    session = scripted(ports, intent, STARTING, after)
    session.look()
    if hint is None:
        session.look()
    else:
        with pytest.raises(DriftError, match="minimum percent") as caught:
            session.look()
        assert caught.value.hint == hint
    told = list(session.unsaid())
    assert [event.adopted for event in told if isinstance(event, Drifted)] == [hint is None]
    story = session.ports.journal
    assert isinstance(story, Story)
    assert story.events == told


REVISION = of_service(Slot.A, lambda service: replace(service, task_definition_arn="arn:x:task-definition/web:9"))
FIFTH = shares(HALF, Fraction(1, 5))
UNTAGGED = Scene(shares=(HALF, HALF), b="d7.42").seen()
SAID, SAID_TOO = r"drift: somebody else changed .*", r"sick; drift: somebody else changed .*"
DRIFTS: dict[str, tuple[Snapshot, Run, Snapshot, set[int], str]] = {  # which routes are left alone, and the verdict
    "a route": (SPLIT, MINE, FIFTH, {1}, SAID),
    "a service": (SPLIT, MINE, REVISION, set(), SAID),
    "a route on the way back": (SPLIT, run(own_move=MOVE, turn_back=SICK), FIFTH, {1}, SAID_TOO),
    "that route once more": (
        SPLIT,
        run(own_move=MOVE, turn_back=SICK, foreign=frozenset({1})),
        FIFTH,
        {1},
        "sick",
    ),
    "another route": (
        SPLIT,
        run(own_move=MOVE, turn_back=SICK, foreign=frozenset({0})),
        FIFTH,
        {0, 1},
        SAID_TOO,
    ),
    "its tags alone": (SPLIT, run(own_move=MOVE, turn_back=SICK), UNTAGGED, set(), "sick"),
    "its tags and a route": (
        SPLIT,
        run(own_move=MOVE, turn_back=SICK),
        replace(UNTAGGED, routes=Scene(shares=(HALF, Fraction(1, 5))).routes_seen()),
        {1},
        SAID_TOO,
    ),
    "its tags and a route, forward": (
        SPLIT,
        MINE,
        replace(UNTAGGED, routes=Scene(shares=(HALF, Fraction(1, 5))).routes_seen()),
        {1},
        SAID,
    ),
    "back on one slot": (STARTING, run(turn_back=SICK), ADOPTABLE, set(), "sick"),
}


@pytest.mark.parametrize(("before", "knows", "after", "foreign", "why"), DRIFTS.values(), ids=DRIFTS)
def test_drift_while_traffic_is_split(
    ports: Ports, before: Snapshot, knows: Run, after: Snapshot, foreign: set[int], why: str
) -> None:
    """A split goes back, but for routes that somebody else wrote; a way back tells each of them once, with exit 7."""
    session = scripted(ports, Deploy(), before, after, knows=knows)
    session.look()
    session.look()
    verdict = session.run.turn_back
    assert verdict is not None
    assert session.run.foreign == foreign
    assert re.fullmatch(why, verdict.reason)
    assert (verdict.judged, verdict.exit_code) == (knows.turn_back is not None, 4 if why == "sick" else 7)
    told = list(session.unsaid())
    assert [event.adopted for event in told if isinstance(event, Drifted)] == [False]
    assert sum(isinstance(event, TurnedBack) for event in told) == (knows.turn_back is None)


@pytest.mark.parametrize("knows", [run(emptied=(Slot.A, 2)), run()])
@pytest.mark.parametrize("intent", [Rollback(), Retire()])
def test_who_does_not_mind(ports: Ports, intent: Intent, knows: Run) -> None:
    """A rollback is written over whatever there is; whoever retires a slot that is wanted again gives it back."""
    session = scripted(ports, intent, DONE, counted(Slot.A, 5, DONE), knows=knows)
    session.look()
    session.look()
    assert bool(list(session.unsaid())) is (knows.emptied is None and isinstance(intent, Retire))


def test_a_move_that_somebody_took_back_is_taken_back(ports: Ports) -> None:
    """The same move with stage `back` was rolled back by another run: this one finishes that, and judges nobody."""
    back = Scene(move=str(MOVE.entering(Stage.BACK, LONG_AGO + 5)), shares=(HALF, HALF), b="d7.42").seen()
    session = scripted(ports, Deploy(), SPLIT, back, knows=MINE)
    session.look()
    session.look()
    assert session.run.turn_back == TurnBack(reason="another run took this move back", judged=False)
    assert [type(event) for event in session.unsaid()] == [TurnedBack]


@pytest.mark.parametrize("weights", [(HALF, Fraction(7, 10)), (Fraction(7, 10), Fraction(7, 10))])
def test_what_a_stranger_wrote_after_it_is_not_written_over(ports: Ports, weights: tuple[Fraction, ...]) -> None:
    """Finishing what another run began stops where a weight is none that a run of the move writes."""
    back = Scene(move=str(MOVE.entering(Stage.BACK, LONG_AGO + 5)), shares=weights, b="d7.42").seen()
    session = scripted(ports, Deploy(), SPLIT, back, knows=MINE)
    session.look()
    with pytest.raises(BusyError, match="another run went on with this app"):
        session.look()
    assert session.run.turn_back is None


@pytest.mark.parametrize(
    ("own", "now", "weights", "said"),
    [
        (None, Stage.BACK, (HALF, HALF), False),
        (MOVE, Stage.SHIFT, (HALF, HALF), False),
        (MOVE.entering(Stage.BACK, LONG_AGO), Stage.BACK, (HALF, HALF), False),
        (replace(MOVE, id="d9"), Stage.BACK, (HALF, HALF), False),
        (MOVE, Stage.BACK, (0, HALF), True),
        (MOVE, Stage.BACK, (1, 1), True),
        (MOVE, Stage.BACK, (HALF, Fraction(1, 5)), False),
        (MOVE, Stage.BACK, (HALF, None), False),  # deleted: no run of it does that
        (replace(MOVE, origin=None), Stage.BACK, (HALF, None), True),  # but the one of a first deployment
    ],
)
def test_who_took_this_move_back(
    own: MoveTag | None, now: Stage, weights: tuple[Fraction | int | None, ...], *, said: bool
) -> None:
    """Another run did, where the very move of this one is on record as taken back, and all weights are its own."""
    move = replace(own if own is not None and own.id == MOVE.id else MOVE, stage=now, entered_at_s=LONG_AGO + 5)
    back = Scene(move=str(move), shares=weights, b="d7.42").seen()
    assert taken_back(spec(2), own, SPLIT, back) is said


IN_THAT_SECOND = replace(MOVE, stage=Stage.PREPARE)
EARLIER, LATER = replace(MOVE, entered_at_s=LONG_AGO - 5), replace(MOVE, entered_at_s=LONG_AGO + 5)


@pytest.mark.parametrize(
    ("own", "lost", "shown", "becomes"),
    [
        (None, MOVE, MOVE, MOVE),
        (MOVE, LATER, LATER, LATER),
        (MOVE, EARLIER, EARLIER, MOVE),
        (MOVE, IN_THAT_SECOND, IN_THAT_SECOND, MOVE),
    ],
)
def test_a_tag_whose_answer_got_lost_is_taken_up_when_it_shows(
    ports: Ports, own: MoveTag | None, lost: MoveTag, shown: MoveTag, becomes: MoveTag
) -> None:
    """It is this run's newest, unless it is an earlier one that came late; it is nobody else's move either way."""
    found = Scene(move=str(shown), shares=(0, 0), b="d7.42").seen()
    session = scripted(ports, Deploy(), ANNOUNCED, found, knows=run(own_move=own))
    session.look()
    session.announcing = {lost: TagMove(tag=lost, percent=10)}
    session.look()
    assert (session.run.own_move, session.run.turn_back) == (becomes, None)
    assert session.run.announced_percent == (10 if becomes == lost else None)
    assert bool(session.announcing) is (becomes != lost)


def test_a_way_back_knows_its_own_tag_again(ports: Ports) -> None:
    """Of a rollback, too: else it would say that another run had gone on."""
    back = MOVE.entering(Stage.BACK, LONG_AGO + 5)
    session = scripted(ports, Rollback(), SPLIT, Scene(move=str(back), shares=(0, 0), b="d7.42.back").seen())
    session.look()
    session.announcing = {back: TagMove(tag=back)}
    session.look()
    assert session.run.own_move == back


def test_a_move_of_another_run_ends_this_one(ports: Ports) -> None:
    """Who else is at work is told with exit 6, and nothing is written over it."""
    session = scripted(ports, Deploy(), ANNOUNCED, Scene(move=f"d8.a.b.prepare.{LONG_AGO}").seen(), knows=MINE)
    session.look()
    with pytest.raises(BusyError, match=r"another run went on with this app: d8\.a\.b\.prepare"):
        session.look()


def test_a_lock_that_is_lost_comes_before_what_is_seen(ports: Ports) -> None:
    """What whoever took it has changed is no drift: the run ends with whose lock it is now."""
    session = scripted(ports, Deploy(), SPLIT, shares(0, HALF), knows=MINE, lock=Lock(lost_to="eve"))
    session.look()
    with pytest.raises(LostLockError, match="eve"):
        session.look()


def test_counts_that_this_run_may_have_asked_for_are_no_news(ports: Ports) -> None:
    """Of a slot that it has just updated, and of one whose update's answer got lost; of any other they are told."""
    for updated, unheard, told in (({Slot.B}, False, False), (set[Slot](), True, False), (set[Slot](), False, True)):
        after = counted(Slot.B, 5, STARTING)
        session = scripted(ports, Deploy(), STARTING, after)
        session.look()
        session.updated |= updated
        session.unheard = {"service:b": value_of("service:b", after)} if unheard else {}
        session.look()
        assert bool(list(session.unsaid())) is told


BROUGHT = Scene(move=f"d6.a.b.prepare.{LONG_AGO}", b="d8.42", before="d6.42").seen()
FIRST_AT = Scene(move=f"d6.a.b.prepare.{LONG_AGO}", b="d6.42").seen()


@pytest.mark.parametrize(
    ("intent", "stops"), [(Deploy(), True), (Flip(), True), (Abort(), False), (Retire(), False), (Rollback(), False)]
)
def test_what_another_run_brings_stops_who_goes_forward(ports: Ports, intent: Intent, *, stops: bool) -> None:
    """What a way back or `retire` does about a newcomer is for the plan to say; the look alone stops neither."""
    session = scripted(ports, intent, FIRST_AT, BROUGHT)
    session.look()
    if not stops:
        session.look()
        return
    with pytest.raises(BusyError, match="slot b is to hold its revision 42"):
        session.look()


def test_what_was_there_at_the_first_look_is_no_newcomer(ports: Ports) -> None:
    """However stale the look between: it is the first one of a run that tells what it found."""
    found = Scene(move=f"d6.a.b.prepare.{LONG_AGO}", b="d8.42").seen()
    shown_again = Scene(move=f"d8.a.b.prepare.{LONG_AGO + 9}", b="d8.42").seen()
    session = scripted(ports, Deploy(), found, FIRST_AT, shown_again)
    for _ in range(3):
        session.look()
    assert session.snapshot.move == shown_again.move
