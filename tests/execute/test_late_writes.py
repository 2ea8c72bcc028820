"""What a run that was killed had under way, and which AWS does while the next run is at work: that is nobody's edit."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from execute.disturbing import served_twice
from execute.scripted import ANNOUNCED, DONE, HALF, SPLIT, STARTING, counted, of_service, scripted, shares
from execute.test_late_tags import weighing
from lives import fork, on, rest, state, watched
from plan.scenes import LONG_AGO, Scene, run
from region import Killed, Stage
from teal.errors import DriftError
from teal.lab.front import answer
from teal.model.event import Drifted, Noted, RunEnded
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Intent
from teal.model.snapshot import Snapshot
from teal.model.traffic import Forward
from teal.model.workload import Service
from teal.ports import Ports

Params = Mapping[str, Any]


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: slot b serves 2, slot a is warm with 1; 3 is configured."""
    return on(rest(served_twice(tmp_path_factory.mktemp("app"))), "3")


def cut(play: Stage, operation: str, nth: int) -> Params:
    """Deploy, and kill that run while a call is still on its way; return the call, which AWS has not done yet."""
    held: list[Params] = []
    calls = 0

    def between(called: str, params: Params, reach: Callable[[Params], dict[str, Any]]) -> dict[str, Any]:
        nonlocal calls
        calls += called == operation
        if called == operation and calls == nth:
            held.append(params)
            raise Killed
        return reach(params)

    play.region.between = between
    with pytest.raises(Killed):
        play.run(Deploy())
    return held[0]


def land(play: Stage, after: str, service: str, operation: str, params: Params) -> None:
    """Let a call that was on its way be done right after the next call of another operation."""
    landed = False

    def between(called: str, sent: Params, reach: Callable[[Params], dict[str, Any]]) -> dict[str, Any]:
        nonlocal landed
        done = reach(sent)
        if called == after and not landed:
            landed = True
            answer(play.region.world, service, operation, params, play.region.now_s)
        return done

    play.region.between = between


# A weight of the move that an abort takes back


@pytest.mark.parametrize("after", ["DescribeRules", "TagResource", "AddTags"])
@pytest.mark.parametrize("nth", [1, 2, 3, 6])
def test_an_abort_writes_over_what_it_takes_back(resting: Stage, nth: int, after: str) -> None:
    """Whenever the last weight of the killed run lands, all routes end where they were, and nobody is blamed."""
    play = fork(resting)
    late = cut(play, "ModifyRule", nth)
    land(play, after, "elbv2", "ModifyRule", late)
    production = watched(play)
    events = play.events(Abort())
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.exit_code, state(play).shares, state(play).move) == (0, "0 0", "b.a.back"), ended
    assert not any(isinstance(event, Drifted) for event in events)
    assert production.failures == ()


@pytest.mark.parametrize("percent", [7, 33, 90])
def test_an_abort_leaves_any_other_weight(resting: Stage, percent: int) -> None:
    """A weight that is no step of the move is somebody else's: exit 7, and it stays."""
    play = fork(resting)
    late = cut(play, "ModifyRule", 2)
    land(play, "AddTags", "elbv2", "ModifyRule", weighing(late, percent))
    ended = play.run(Abort())
    assert (ended.exit_code, "drift: somebody else changed" in ended.message) == (7, True), ended
    assert state(play).shares == f"0 {percent}"


def elsewhere(found: Snapshot) -> Snapshot:
    """Return the app with its first route pointed at a group that is not its own."""
    route = found.routes[0]
    assert route.rule is not None
    rule = replace(route.rule, forward=Forward(shares=(("tg/other", 100),)))
    return replace(found, routes=(replace(route, rule=rule), *found.routes[1:]))


def untagged(share: int) -> Snapshot:
    """Return the app without a move on record."""
    return Scene(shares=(share, 0), b="d7.42").seen()


TAKEN_BACK = Scene(move=f"d7.a.b.back.{LONG_AGO}", shares=(0, 0), b="d7.42.back").seen()
RESTORED = Scene(move=f"d1.b.a.done.{LONG_AGO}", shares=(0, 0), a="d1.41.served", b="d0.40.served").seen()
FIRST = Scene(move=f"d7.none.b.shift.{LONG_AGO}", shares=(1, 1), a=None, b="d7.42.served").seen()
BARE = Scene(move=f"d7.a.b.prepare.{LONG_AGO}", shares=(0, 0), b="").seen()
UNTOUCHED = Scene(move=f"d7.a.b.prepare.{LONG_AGO}", shares=(0, 0), b="d0.40.served").seen()


def weighed(found: Snapshot, *parts: Fraction | int) -> Snapshot:
    """Return the app with these shares of slot b, and the tags that its rules have."""
    return replace(found, routes=Scene(move=str(found.move), shares=parts).routes_seen())


def reordered(found: Snapshot) -> Snapshot:
    """Return the app with another priority of its first route."""
    route = found.routes[0]
    assert route.rule is not None
    rule = replace(route.rule, priority=99)
    return replace(found, routes=(replace(route, rule=rule), *found.routes[1:]))


WEIGHTS: dict[str, tuple[Intent, Snapshot, Snapshot, Snapshot, bool]] = {  # who, first look, the last two; whose it is
    "all of it": (Abort(), ANNOUNCED, TAKEN_BACK, weighed(TAKEN_BACK, 1, 0), False),
    "a step of it": (Abort(), SPLIT, TAKEN_BACK, weighed(TAKEN_BACK, Fraction(1, 10), 0), False),
    "nothing of it": (Abort(), SPLIT, SPLIT, shares(0, HALF), False),
    "no step of it": (Abort(), SPLIT, TAKEN_BACK, weighed(TAKEN_BACK, Fraction(9, 10), 0), True),
    "one of each": (Abort(), SPLIT, TAKEN_BACK, weighed(TAKEN_BACK, 1, Fraction(1, 3)), True),
    "while it goes forward": (Deploy(), SPLIT, TAKEN_BACK, weighed(TAKEN_BACK, 1, 0), True),
    "another field": (Abort(), SPLIT, TAKEN_BACK, reordered(TAKEN_BACK), True),
    "to another group": (Abort(), DONE, weighed(TAKEN_BACK, 1, 0), elsewhere(TAKEN_BACK), True),
    "of a slot that was put back": (Abort(), STARTING, RESTORED, weighed(RESTORED, 0, 1), True),
    "of a slot that it never touched": (Abort(), UNTOUCHED, UNTOUCHED, weighed(UNTOUCHED, 1, 0), True),
    "of a slot without a tag": (Abort(), BARE, BARE, weighed(BARE, 1, 0), True),
    "of a first deployment": (Abort(), FIRST, FIRST, weighed(FIRST, 0, 1), True),
    "without tags": (Abort(), weighed(SPLIT, 0, 0), untagged(0), untagged(1), True),
}


@pytest.mark.parametrize(("intent", "first", "before", "after", "foreign"), WEIGHTS.values(), ids=WEIGHTS)
def test_whose_weight_it_is(
    ports: Ports, intent: Intent, first: Snapshot, before: Snapshot, after: Snapshot, *, foreign: bool
) -> None:
    """An abort excuses what the move that it found may have under way, as long as that is on record; nothing else."""
    session = scripted(ports, intent, first, before, before, after)
    session.look()
    session.wrote, session.updated = {0, 1}, {*Slot}
    session.look()
    session.look()
    list(session.unsaid())
    with pytest.raises(DriftError) if foreign else nullcontext():
        session.look()


# A revision that a tag foretells


def arn_of(play: Stage, revision: int) -> str:
    """Return the ARN of a revision."""
    found = play.look().definition("shop", revision)
    assert found is not None
    return found.arn


@pytest.mark.parametrize("image", ["3", "4"])
def test_a_slot_becomes_what_its_tag_says(resting: Stage, image: str) -> None:
    """The update of a killed run lands in the next run: it is no drift, and the slot is deployed as asked."""
    play = fork(resting)
    late = cut(play, "UpdateService", 1)
    play = on(play, image)
    land(play, "DescribeRules", "ecs", "UpdateService", late)
    production = watched(play)
    events = play.events(Deploy())
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.exit_code, state(play).serves, state(play).a) == (0, "a", f"{image}.served"), ended
    assert not any(isinstance(event, Drifted) for event in events)
    assert production.failures == ()


def test_a_slot_becomes_something_else(resting: Stage) -> None:
    """A revision that its tag does not name is somebody else's: exit 7."""
    play = fork(resting)
    late = cut(play, "UpdateService", 1)
    play = on(play, "4")
    land(play, "DescribeRules", "ecs", "UpdateService", {**late, "taskDefinition": arn_of(play, 2)})
    ended = play.run(Deploy())
    assert (ended.exit_code, "task definition: shop:1 → shop:2" in ended.message) == (7, True), ended


def holding(revision: int, tag: str, count: int = 2) -> Snapshot:
    """Return an app whose slot b runs a revision, bears a tag, and wants some tasks."""
    found = counted(Slot.B, count, Scene(move=str(STARTING.move), shares=(0, 0), b=tag).seen())
    return of_service(Slot.B, lambda service: running(service, revision), found)


def running(service: Service, revision: int) -> Service:
    """Return a service that runs a revision, whole."""
    arn = f"arn:x:task-definition/web:{revision}"
    deployments = tuple(replace(each, task_definition_arn=arn) for each in service.deployments)
    return replace(service, task_definition_arn=arn, deployments=deployments)


GONE = Scene(move=str(STARTING.move), shares=(0, 0), b=None).seen()
REVISIONS: dict[str, tuple[Snapshot, Snapshot, bool]] = {
    "the newcomer's": (holding(41, "d7.42"), holding(42, "d7.42"), False),
    "with more tasks": (holding(41, "d7.42"), holding(42, "d7.42", 5), False),
    "not the newcomer's": (holding(41, "d7.42"), holding(43, "d7.42"), True),
    "the newcomer's no more": (holding(42, "d7.42"), holding(41, "d7.42"), True),
    "of one that served": (holding(41, "d7.42.served"), holding(42, "d7.42.served"), True),
    "of a tag that came with it": (holding(41, "d7.41"), holding(42, "d7.42"), True),
    "taken back with it": (holding(41, "d7.42"), holding(42, "d7.42.back"), True),
    "of no tag": (holding(41, ""), holding(42, ""), True),
    "gone": (holding(41, "d7.42"), GONE, True),
}


@pytest.mark.parametrize(("before", "after", "foreign"), REVISIONS.values(), ids=REVISIONS)
def test_whose_revision_it_is(ports: Ports, before: Snapshot, after: Snapshot, *, foreign: bool) -> None:
    """A slot may become what the tag of its newcomer, which was there before, says that it shall hold; nothing else."""
    session = scripted(ports, Deploy(), before, after, knows=run(own_move=STARTING.move))
    session.look()
    with pytest.raises(DriftError) if foreign else nullcontext():
        session.look()
    assert any(isinstance(event, Noted | Drifted) for event in session.unsaid()) is foreign


def test_what_comes_late_is_whole_from_then_on(ports: Ports) -> None:
    """A slot that was whole with what it held before has been whole for no time with what came."""
    came = holding(42, "d7.42")
    session = scripted(ports, Deploy(), holding(41, "d7.42"), came, came)
    since: list[float | None] = []
    for _ in range(3):
        session.look()
        since.append(session.run.whole_since_s)
        session.ports.clock.sleep(7.0)
    assert since == [1000.0, None, 1014.0]
