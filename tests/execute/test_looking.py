"""What a run makes of its looks: which are stale, what in them is its own, and since when a slot is whole."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from aws.canned import VirtualClock
from execute.scripted import (
    ANNOUNCED,
    BAKING,
    HALF,
    SPLIT,
    STARTING,
    Lock,
    counted,
    looked,
    of_service,
    scripted,
    shares,
)
from plan.scenes import LONG_AGO, Scene, run
from teal.errors import DriftError, LostLockError, TransientError, UnknownAnswerError
from teal.execute.session import Session
from teal.model.event import Noted
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Intent, Rollback, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.step import TagMove
from teal.model.tags import MoveTag, Stage
from teal.ports import Ports

MOVE = MoveTag(id="d7", origin=Slot.A, to=Slot.B, stage=Stage.SHIFT, entered_at_s=LONG_AGO)
MINE = run(own_move=MOVE)


def taken_s(session: Session, act: Callable[[], object]) -> float:
    """Return how long something took."""
    began_s = session.now_s
    act()
    return session.now_s - began_s


# What is stale


def test_a_stale_look_is_looked_at_again_soon(ports: Ports) -> None:
    """Reads that show what an acknowledged write replaced cost half a second each, until the write shows."""
    session = scripted(ports, Deploy(), SPLIT, SPLIT, SPLIT, BAKING, knows=MINE)
    session.look()
    session.acknowledged("route:0", shares(1, HALF))
    session.acknowledged("route:1", BAKING)
    assert taken_s(session, session.look) == 1.0
    assert session.snapshot.routes == BAKING.routes


LAGS: dict[str, tuple[Intent, str, Snapshot, float]] = {
    "a weight": (Deploy(), "route:0", shares(1, HALF), 60.0),
    "a count": (Deploy(), "service:a", counted(Slot.A, 5), 60.0),
    "a weight of a rollback": (Rollback(), "route:0", shares(0, HALF), 2.0),
    "a weight of an abort": (Abort(), "route:0", shares(0, HALF), 2.0),
    "a count of a rollback": (Rollback(), "service:a", counted(Slot.A, 5), 60.0),
}


@pytest.mark.parametrize(("intent", "key", "written", "lag_s"), LAGS.values(), ids=LAGS)
@pytest.mark.parametrize("since_s", [0.0, 1.0])
def test_how_long_a_read_may_lag(
    ports: Ports, intent: Intent, key: str, written: Snapshot, lag_s: float, since_s: float
) -> None:
    """What was replaced may be read for a minute after the write; a way back writes its weight again after 2 s."""
    session = scripted(ports, intent, SPLIT, knows=MINE if isinstance(intent, Deploy) else run())
    session.look()
    session.acknowledged(key, written)
    session.ports.clock.sleep(since_s)
    began_s = session.now_s
    session.look()
    assert session.now_s - began_s == lag_s - since_s
    drifted = key == "route:0" and isinstance(intent, Deploy)
    assert session.run.foreign == ({0} if drifted else set()), "after that it is what somebody else wrote"


@pytest.mark.parametrize(
    ("intent", "takes_s", "looks"),
    [
        (Deploy(), [30.0], 1),
        (Deploy(), [31.0], 2),
        (Deploy(), [31.0, 31.0, 31.0], 2),
        (Rollback(), [120.0], 1),
        (Rollback(), [121.0, 121.0, 121.0], 2),
    ],
    ids=str,
)
def test_a_look_that_was_slept_over_is_looked_at_again(
    ports: Ports, intent: Intent, takes_s: list[float], looks: int
) -> None:
    """Others may have gone on meanwhile, and of a lean look what came late is not known: once more, at once."""
    session = scripted(ports, intent, SPLIT, BAKING)
    looked(session).takes_s = list(takes_s)
    assert session.look().routes == [SPLIT, BAKING][looks - 1].routes
    assert len(looked(session).taken) == looks


def test_an_old_look_is_better_than_none(ports: Ports) -> None:
    """Where AWS does not answer the look after it, a rollback rests on the one that it has."""
    session = scripted(ports, Rollback(), SPLIT, TransientError("busy", code="Throttling", operation="any"))
    looked(session).takes_s = [121.0]
    assert taken_s(session, session.look) == 121.0
    assert session.snapshot.routes == SPLIT.routes


@pytest.mark.parametrize("kind", ["full", "glance", "narrow"])
def test_a_look_is_as_old_as_its_beginning(ports: Ports, kind: str) -> None:
    """The machine slept over it: what was read just after a write is stale, however late the run comes to judge it."""
    sleepy = scripted(ports, Deploy(), SPLIT, SPLIT, *[BAKING] * (kind == "full"), knows=MINE)
    sleepy.look()
    slow = looked(sleepy)
    slow.takes_s, slow.watch_takes_s = [70.0], 70.0
    written = counted(Slot.B, 5) if kind == "narrow" else BAKING
    for key in ("service:b",) if kind == "narrow" else ("route:0", "route:1"):
        sleepy.acknowledged(key, written)
    looks = {"full": sleepy.look, "glance": sleepy.glance, "narrow": lambda: sleepy.watch(Slot.B, service=True)}
    assert taken_s(sleepy, looks[kind]) >= 70.0
    assert (sleepy.snapshot.routes, sleepy.snapshot.slots) == (written.routes, written.slots)
    assert sleepy.run.foreign == set()


def test_a_move_that_shows_again_is_stale_for_a_minute(ports: Ports) -> None:
    """A look with an older tag than one that this run has written and seen is waited out, and stops nobody."""
    newer = replace(
        SPLIT, routes=Scene(move=str(MOVE.entering(Stage.SHIFT, LONG_AGO + 9)), shares=(HALF, HALF)).routes_seen()
    )
    session = scripted(ports, Deploy(), newer, SPLIT, knows=run(own_move=newer.move))
    session.look()
    assert taken_s(session, session.look) == 60.0


def test_a_lock_that_is_lost_ends_the_wait_for_a_read(ports: Ports) -> None:
    """What looks stale may be what a way back wrote: the run stops when it learns that its lock was taken."""
    lock = Lock(lost_to="eve", lost_from_s=1003.0)
    session = scripted(ports, Deploy(), SPLIT, knows=MINE, lock=lock)
    session.look()
    session.acknowledged("route:0", shares(1, HALF))
    with pytest.raises(LostLockError, match="eve"):
        session.look()
    assert session.now_s == 1003.0


def test_a_glance_that_is_stale_counts_as_a_look_all_the_same(ports: Ports) -> None:
    """The value before is not taken over, and the look counts as taken now; a fresh one is taken over."""
    session = scripted(ports, Deploy(), SPLIT, SPLIT, BAKING, knows=MINE)
    session.look()
    session.acknowledged("route:0", BAKING)
    session.ports.clock.sleep(5.0)
    session.glance()
    assert (session.snapshot.routes, session.snapshot.taken_at_s) == (BAKING.routes, session.now_s)
    session.acknowledged("route:1", BAKING)
    session.glance()
    assert session.snapshot.routes == BAKING.routes


def test_a_way_back_goes_on_without_a_glance(ports: Ports) -> None:
    """AWS does not answer: after two seconds a rollback keeps its last look; forward it is an error in a minute."""
    trouble = TransientError("throttled", code="Throttling", operation="elbv2:DescribeRules")
    back = scripted(ports, Rollback(), SPLIT, trouble)
    seen = back.look()
    assert 2.0 < taken_s(back, back.glance) <= 2.4
    assert back.snapshot is seen
    forward = scripted(ports, Deploy(), SPLIT, trouble)
    forward.look()
    began_s = forward.now_s
    with pytest.raises(TransientError):
        forward.glance()
    assert 60.0 < forward.now_s - began_s <= 60.4


@pytest.mark.parametrize(("intent", "patience_s"), [(Deploy(), 60.0), (Rollback(), 600.0)])
@pytest.mark.parametrize("error", [TransientError, UnknownAnswerError])
def test_how_long_a_look_is_tried(
    ports: Ports, intent: Intent, patience_s: float, error: type[TransientError | UnknownAnswerError]
) -> None:
    """A minute forward, ten on a way back; the first answer in that time will do, and is asked for ever less often."""
    trouble = error("no", code="Any", operation="any")
    session = scripted(ports, intent, trouble)
    with pytest.raises(error):
        session.look()
    assert patience_s < session.now_s - 1000.0 <= patience_s + 5.0
    clock = session.ports.clock
    assert isinstance(clock, VirtualClock)
    assert clock.naps[:6] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert max(clock.naps) == 5.0
    assert scripted(ports, intent, trouble, trouble, SPLIT).look().move == MOVE


# What is its own


def tag(stage: Stage, later_s: int, percent: int | None = None) -> TagMove:
    """Return the writing of a tag of this run's move."""
    return TagMove(tag=MOVE.entering(stage, LONG_AGO + later_s), percent=percent)


FIRST, SECOND, THIRD = tag(Stage.PREPARE, 1), tag(Stage.PREPARE, 2), tag(Stage.SHIFT, 3, 10)


def showing(move: MoveTag) -> Snapshot:
    """Return the app with this tag on record."""
    return Scene(move=str(move), shares=(0, 0), b="d7.42").seen()


@pytest.mark.parametrize(
    ("seen", "written", "left", "percent"),
    [
        (None, THIRD, {FIRST.tag, SECOND.tag}, 10),
        (showing(FIRST.tag), THIRD, {SECOND.tag}, 10),
        (showing(FIRST.tag), SECOND, {THIRD.tag}, None),
        (ANNOUNCED, replace(SECOND, percent=10), {FIRST.tag, THIRD.tag}, None),
    ],
)
def test_which_tags_may_still_come(
    ports: Ports, seen: Snapshot | None, written: TagMove, left: set[MoveTag], percent: int | None
) -> None:
    """Of the tags whose answers got lost, the one that was written again has come, and the one that was seen before."""
    session = scripted(ports, Deploy(), *([seen] if seen is not None else []))
    if seen is not None:
        session.look()
    session.announcing = {each.tag: each for each in (FIRST, SECOND, THIRD)}
    session.announced(written)
    assert set(session.announcing) == left
    assert (session.run.own_move, session.run.announced_percent) == (written.tag, percent)


@pytest.mark.parametrize(
    ("seen", "lost", "own", "late"),
    [
        (FIRST, (FIRST,), SECOND, True),
        (FIRST, (), SECOND, False),
        (FIRST, (SECOND,), THIRD, False),
        (FIRST, (FIRST,), FIRST, False),
        (FIRST, (FIRST,), None, False),
        (None, (FIRST,), SECOND, False),
    ],
)
def test_when_an_earlier_tag_came_late(
    ports: Ports, seen: TagMove | None, lost: tuple[TagMove, ...], own: TagMove | None, *, late: bool
) -> None:
    """Only a tag of this run whose answer got lost, seen over a newer one of its own."""
    found = showing(seen.tag) if seen is not None else Scene(shares=(0, 0), b="d7.42").seen()
    session = scripted(ports, Deploy(), found, knows=run(own_move=own.tag if own is not None else None))
    session.look()
    session.announcing = {each.tag: each for each in lost}
    assert session.is_late is late


@pytest.mark.parametrize("verdict", [None, TurnBack(reason="sick")])
def test_a_late_tag_that_stays_keeps_no_slot_from_its_rest(ports: Ports, verdict: TurnBack | None) -> None:
    """On a way back nobody writes over it before the end: the weights stand from the first look that shows it."""
    session = scripted(
        ports,
        Deploy(),
        showing(SECOND.tag),
        showing(FIRST.tag),
        knows=run(own_move=SECOND.tag, turn_back=verdict),
    )
    session.look()
    session.announcing = {FIRST.tag: FIRST}
    session.look()
    first_s = session.now_s
    session.ports.clock.sleep(30.0)
    session.look()
    assert (session.facts.stand_since_s == first_s) is (verdict is not None)


@pytest.mark.parametrize(
    ("intent", "knows"), [(Deploy(), MINE), (Rollback(), run()), (Deploy(), run(turn_back=TurnBack(reason="sick")))]
)
def test_what_a_lost_write_would_make_is_expected_until_a_newer_one(ports: Ports, intent: Intent, knows: Run) -> None:
    """Forward an acknowledged write is the last word; on a way back what was sent forward may still come."""
    session = scripted(ports, intent, SPLIT, knows=knows)
    session.look()
    session.unheard = {"route:0": "x", "route:1": "y"}
    session.acknowledged("route:0", shares(1, HALF))
    assert set(session.unheard) == ({"route:0", "route:1"} if session.going_back else {"route:1"})


def test_what_was_written_is_excused_in_one_look(ports: Ports) -> None:
    """What this run has written since the last look is no drift in the next one; after that it is."""
    session = scripted(
        ports, Deploy(), STARTING, Scene(move=str(STARTING.move), shares=(HALF, 0), b="d7.42").seen(), STARTING
    )
    session.look()
    session.wrote.add(0)
    session.look()
    session.look()
    assert session.run.foreign == {0}
    updated = of_service(Slot.B, lambda service: replace(service, minimum_healthy_percent=50), STARTING)
    served = scripted(ports, Deploy(), STARTING, updated, STARTING)
    served.look()
    served.updated.add(Slot.B)
    served.look()
    with pytest.raises(DriftError, match="minimum percent: 50 → 100"):
        served.look()


@pytest.mark.parametrize(("share", "foreign"), [(HALF, False), (1, False), (Fraction(3, 10), True)])
def test_only_what_it_may_have_written_is_excused(ports: Ports, share: Fraction, *, foreign: bool) -> None:
    """A stranger may have written the route whose answer got lost: a weight that no run writes is theirs."""
    session = scripted(ports, Deploy(), SPLIT, shares(share, HALF))
    session.look()
    session.wrote.add(0)
    session.look()
    assert session.run.foreign == ({0} if foreign else set())


def test_each_look_has_its_own_facts(ports: Ports) -> None:
    """Where things stand is read from the last look, however often it is asked; a second asking costs nothing."""
    session = scripted(ports, Rollback(), STARTING, SPLIT, BAKING)
    rows: list[str] = []
    for _ in range(3):
        session.look()
        rows += [session.facts.situation.row.name, session.facts.situation.row.name]
    assert rows == ["STARTING", "STARTING", "STEP", "STEP", "BAKING", "BAKING"]


def test_since_when_a_slot_is_whole(ports: Ports) -> None:
    """It counts from the first look that shows it whole, and anew after one that does not, watched or looked at."""
    sick = Scene(move=str(STARTING.move), shares=(0, 0), b="d7.42", healthy={Slot.B: 1}).seen()
    none = Scene(move=str(STARTING.move), shares=(0, 0), b=None).seen()
    session = scripted(ports, Deploy(), none, sick, STARTING, STARTING, sick, STARTING, sick)
    session.note(id="d7")
    since: list[float | None] = []
    for act in (session.look, session.look, session.look, session.look, session.look):
        act()
        since.append(session.run.whole_since_s)
        session.ports.clock.sleep(7.0)
    session.watch(Slot.B, service=False)
    since.append(session.run.whole_since_s)
    session.ports.clock.sleep(7.0)
    session.watch(Slot.B, service=False)
    since.append(session.run.whole_since_s)
    assert since == [None, None, 1014.0, 1014.0, None, 1035.0, None]


# Narrow looks


@pytest.mark.parametrize("error", [TransientError, UnknownAnswerError])
def test_a_narrow_look_that_fails_changes_nothing(
    ports: Ports, error: type[TransientError | UnknownAnswerError]
) -> None:
    """The next full look will tell."""
    session = scripted(ports, Deploy(), SPLIT, error("no", code="Any", operation="any"))
    seen = session.look()
    session.watch(Slot.B, service=True)
    assert session.snapshot is seen


def test_a_narrow_look_that_is_stale_changes_nothing(ports: Ports) -> None:
    """A service as it was before a write that AWS acknowledged is not taken over, and no drift; a new one is."""
    more = counted(Slot.B, 5, STARTING)
    session = scripted(ports, Deploy(), STARTING, STARTING, counted(Slot.B, 6, STARTING))
    session.look()
    session.acknowledged("service:b", more)
    session.watch(Slot.B, service=True)
    assert session.snapshot is more
    session.watch(Slot.B, service=True)
    assert session.snapshot.slots == counted(Slot.B, 6, STARTING).slots
    assert [event.message for event in session.unsaid() if isinstance(event, Noted)] == [
        "somebody else asked for other counts: service shop-web-b: tasks: 5 → 6"
    ]


def test_a_narrow_look_sees_drift(ports: Ports) -> None:
    """Another revision in a slot that is watched stops the run."""
    other = of_service(
        Slot.A, lambda service: replace(service, task_definition_arn="arn:x:task-definition/web:9"), STARTING
    )
    session = scripted(ports, Deploy(), STARTING, other)
    session.look()
    with pytest.raises(DriftError, match="task definition"):
        session.watch(Slot.A, service=True)
