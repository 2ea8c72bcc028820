"""Waiting: how often is looked, what is said meanwhile, and what a wait or a question ends with."""

from dataclasses import replace

import pytest

import seen as world
from aws.canned import VirtualClock
from execute.scripted import (
    DONE,
    FAST,
    FULL,
    HALF,
    SERVICE,
    SPLIT,
    STARTING,
    counted,
    faster,
    kinds,
    looked,
    of_service,
    scripted,
    shares,
)
from plan.scenes import LONG_AGO, Scene, run, spec
from region_fakes import Story
from teal.errors import NeedsPersonError, StoppedError
from teal.execute.session import Session
from teal.execute.waiting import put_question, wait
from teal.model.event import Diagnosed, Event, StepEnded, StepFailed, Waited
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Intent, Retire, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.step import AwaitWhole, Hold, ProbeProduction, TagMove
from teal.model.step_retire import AwaitDrained
from teal.model.tags import MoveTag, Stage
from teal.model.traffic import TargetHealth
from teal.model.workload import Container, Task
from teal.ports import Ports

MOVE = MoveTag(id="d7", origin=Slot.A, to=Slot.B, stage=Stage.SHIFT, entered_at_s=LONG_AGO)
MINE = run(own_move=MOVE)
SICK = TurnBack(reason="sick")
PROBE = ProbeProduction(slot=Slot.B, revision=42)
WHOLE = AwaitWhole(slot=Slot.B, revision=42, count=2, healthy_for_s=0.0, deadline_at_s=1900.0)
HOLD = Hold(slot=Slot.B, percent=50, lasts_s=100.0, until_s=1100.0)
PENDING = Scene(move=str(STARTING.move), shares=(0, 0), b="d7.42", healthy={Slot.B: 1}).seen()


def waited(session: Session, step: AwaitWhole | Hold | AwaitDrained) -> list[Event]:
    """Look, then wait to the end."""
    session.look()
    looked(session).taken.clear()
    return list(wait(session, step))


def tasks_of(found: Snapshot, *tasks: Task, began_s: float = 0.0, healthy: str = "") -> Snapshot:
    """Return the app with these tasks in slot b; the target at the address `healthy` is that, if any."""
    state = found.slot(Slot.B)
    assert state.service is not None
    deployments = tuple(replace(each, created_at_s=began_s) for each in state.service.deployments)
    targets = (TargetHealth(target_id=healthy or "10.9.9.9", port=8080, state="healthy" if healthy else "initial"),)
    groups = tuple(replace(group, targets=targets) for group in state.groups)
    service = replace(state.service, deployments=deployments)
    return replace(found, slots={**found.slots, Slot.B: replace(state, service=service, groups=groups, tasks=tasks)})


def crashed(nth: int, revision: int = 42, at_s: float = 5.0) -> Task:
    """Return a task whose container ended with an error."""
    task = world.task(revision, status="STOPPED", stop="EssentialContainerExited", at_s=at_s)
    container = Container(name="web", status="STOPPED", exit_code=1)
    return replace(task, arn=f"task/{nth}", desired_status="STOPPED", containers=(container,))


# Looking


PACES: dict[str, tuple[float, list[str], float]] = {  # the first looks, and how far apart they are
    "on AWS": (1.0, [*[FAST, FAST, SERVICE] * 4, FAST, FAST, FULL, FAST, FAST, SERVICE], 4.0),
    "in a lab": (0.125, [*[FAST, FAST, SERVICE] * 4, FAST, FAST, FULL, FAST, FAST, SERVICE], 2.0),
    "in a fast lab": (0.001, [*[FAST, SERVICE] * 3, FAST, FULL], 0.25),
}


@pytest.mark.parametrize(("time_scale", "first", "apart_s"), PACES.values(), ids=PACES)
def test_how_often_is_looked(ports: Ports, time_scale: float, first: list[str], apart_s: float) -> None:
    """Health every 4 s, the service every 10 s or so, everything once a minute; sooner in a lab, yet not for ever."""
    step = replace(WHOLE, deadline_at_s=1000.0 + apart_s * (len(first) + 0.5))
    session = scripted(ports, Deploy(), faster(PENDING, time_scale))
    waited(session, step)
    assert looked(session).taken[: len(first)] == first
    clock = session.ports.clock
    assert isinstance(clock, VirtualClock)
    assert set(clock.naps[: len(first)]) == {apart_s}


def test_a_service_is_due_in_the_tenth_second(ports: Ports) -> None:
    """Where the wait wakes up just then, it is looked at; the end is a complete look."""
    session = scripted(ports, Deploy(), STARTING)
    waited(session, replace(WHOLE, healthy_for_s=10.0))
    assert looked(session).taken == [FAST, FAST, SERVICE, FULL]


def test_a_hold_looks_at_no_service(ports: Ports) -> None:
    """What is held is watched by its health alone, and completely once a minute and in the end."""
    session = scripted(ports, Deploy(), SPLIT)
    events = waited(session, HOLD)
    assert looked(session).taken == [*[FAST] * 14, FULL, *[FAST] * 10, FULL]
    assert events[-1] == StepEnded(at_s=1100.0, step=HOLD, took_s=100.0)


# Saying


def test_what_is_said_while_it_lasts(ports: Ports) -> None:
    """Whatever is new at once, and what stays the same again after half a minute."""
    one = of_service(Slot.B, lambda service: replace(service, running=1), PENDING)
    session = scripted(ports, Deploy(), one, one, one, PENDING)
    events = waited(session, replace(WHOLE, deadline_at_s=1050.0))
    said = [(event.at_s, event.progress.partition(" ")[0]) for event in events if isinstance(event, Waited)]
    assert said == [(1000.0, "1/2"), (1012.0, "2/2"), (1044.0, "2/2")]
    story = session.ports.journal
    assert isinstance(story, Story)
    assert story.events == events


def test_what_health_checks_said_is_noted_once(ports: Ports) -> None:
    """The word of an unhealthy target, or its reason where there is no word; not that of one that is starting."""
    targets = [
        TargetHealth(target_id="1", port=1, state="unhealthy", reason="Target.Timeout", description="Timed out"),
        TargetHealth(target_id="2", port=1, state="unhealthy", reason="Target.FailedHealthChecks"),
        TargetHealth(target_id="3", port=1, state="unhealthy", reason="Target.Timeout", description="Timed out"),
        TargetHealth(target_id="4", port=1, state="initial", reason="Elb.RegistrationInProgress"),
        TargetHealth(target_id="5", port=1, state="unhealthy"),
    ]
    state = PENDING.slot(Slot.B)
    told = replace(state, groups=(replace(state.groups[0], targets=tuple(targets)),))
    silent = replace(state, groups=(replace(state.groups[0], targets=None),))
    looks = [replace(PENDING, slots={**PENDING.slots, Slot.B: each}) for each in (silent, told, silent, told)]
    session = scripted(ports, Deploy(), *looks, knows=run(notes=("already known",)))
    events = waited(session, replace(WHOLE, deadline_at_s=1020.0))
    said = ("already known", "health check: Target.FailedHealthChecks", "health check: Timed out")
    assert session.run.notes == said
    assert [event.facts[:3] for event in events if isinstance(event, Diagnosed)] == [said]


# Ending


def test_a_slot_that_is_whole(ports: Ports) -> None:
    """It ends at once, with a complete look, and what green had before it was raised is forgotten."""
    session = scripted(ports, Deploy(), STARTING, knows=run(raised_from=2))
    events = waited(session, WHOLE)
    assert (events, looked(session).taken) == ([StepEnded(at_s=1000.0, step=WHOLE, took_s=0.0)], [FULL])
    assert session.run.raised_from is None
    held = scripted(ports, Deploy(), SPLIT, knows=run(raised_from=2))
    waited(held, HOLD)
    assert held.run.raised_from == 2


def test_a_slot_that_does_not_become_whole(ports: Ports) -> None:
    """At its deadline it has failed: what is known is told, the content is judged and the slot put back."""
    session = scripted(ports, Deploy(), PENDING)
    events = waited(session, replace(WHOLE, deadline_at_s=1008.0))
    assert kinds(events) == ["StepFailed", "Diagnosed", "TurnedBack"]
    failed = next(event for event in events if isinstance(event, StepFailed))
    assert (failed.at_s, failed.follows) == (1008.0, "back")
    assert session.run.turn_back == TurnBack(reason=failed.reason, judged=True, failed=True, exit_code=4)


@pytest.mark.parametrize(
    ("intent", "knows", "reason"),
    [(Deploy(), run(turn_back=replace(SICK, failed=True)), "sick"), (Abort(), run(), "putting back failed")],
)
def test_a_slot_that_cannot_be_put_back(ports: Ports, intent: Intent, knows: Run, reason: str) -> None:
    """It stays as it is, for a look: exit 5, and it is not put back a second time, however its tasks ended."""
    other = tasks_of(PENDING, crashed(1), crashed(2))
    session = scripted(ports, intent, other, knows=knows)
    events = waited(session, replace(WHOLE, revision=41, deadline_at_s=1008.0, putting_back=True))
    assert kinds(events) == ["StepFailed", "Diagnosed"]
    why = session.run.turn_back
    assert why is not None
    assert (why.failed, why.exit_code) == (False, 5)
    assert why.reason == f"{reason}; what the slot held before did not come up again"
    back = scripted(ports, intent, tasks_of(PENDING, crashed(1), crashed(2)), knows=knows)
    assert kinds(waited(back, replace(WHOLE, deadline_at_s=1008.0, putting_back=True))) == ["StepEnded"]


def test_a_slot_that_does_not_drain(ports: Ports) -> None:
    """Nothing goes back: the command stops, and the next one waits again."""
    retired = counted(Slot.A, 0, DONE)
    session = scripted(ports, Retire(), retired)
    events: list[Event] = []
    session.look()
    with pytest.raises(NeedsPersonError, match="not empty yet"):
        events.extend(wait(session, AwaitDrained(slot=Slot.A, deadline_at_s=1020.0)))
    assert kinds(events) == ["StepFailed"]
    assert [event.follows for event in events if isinstance(event, StepFailed)] == ["stop"]
    assert "slot a and its service" in looked(session).taken


STARTS: dict[str, tuple[Snapshot, bool]] = {  # whether there is hope
    "two ended alike": (tasks_of(PENDING, crashed(1), crashed(2)), False),
    "one ended": (tasks_of(PENDING, crashed(1)), True),
    "of another revision": (tasks_of(PENDING, crashed(1), crashed(2, 41)), True),
    "of long before": (tasks_of(PENDING, crashed(1, at_s=8.9), crashed(2, at_s=8.9), began_s=10.0), True),
    "in the second before": (tasks_of(PENDING, crashed(1, at_s=9.0), crashed(2, at_s=9.0), began_s=10.0), False),
    "one is healthy": (tasks_of(PENDING, crashed(1), crashed(2), healthy="10.0.0.1"), True),
    "another's is healthy": (tasks_of(PENDING, crashed(1), crashed(2), healthy="10.0.0.7"), False),
}


@pytest.mark.parametrize(("found", "hope"), STARTS.values(), ids=STARTS)
def test_when_there_is_no_hope(ports: Ports, found: Snapshot, *, hope: bool) -> None:
    """A newcomer is given up for what its own tasks did, since its deployment began, and not for anybody else's."""
    session = scripted(ports, Deploy(), found)
    events = waited(session, replace(WHOLE, deadline_at_s=1008.0))
    failed = next(event for event in events if isinstance(event, StepFailed))
    assert ("ended alike" not in failed.reason, failed.at_s) == (hope, 1008.0 if hope else 1000.0)


def rolling(first: int, second: int, status: str = "ACTIVE") -> Snapshot:
    """Return the app with two deployments in slot b; the primary one is not the first."""
    found = tasks_of(PENDING, crashed(1, first), crashed(2, first), crashed(3, second), crashed(4, second))
    state = found.slot(Slot.B)
    assert state.service is not None
    one, other = world.service(Slot.B, second, first).deployments
    service = replace(state.service, deployments=(replace(other, status=status), one))
    return replace(found, slots={**found.slots, Slot.B: replace(state, service=service)})


@pytest.mark.parametrize(
    ("found", "hope"),
    [(rolling(41, 42), False), (rolling(42, 41), True), (Scene(shares=(0, 0), b=None).seen(), True)],
)
def test_whose_start_it_is(ports: Ports, found: Snapshot, *, hope: bool) -> None:
    """The newcomer is the primary deployment, where that is of the wanted revision; else nobody is given up yet."""
    session = scripted(ports, Deploy(), found)
    events = waited(session, replace(WHOLE, deadline_at_s=1008.0))
    assert [event.at_s for event in events if isinstance(event, StepFailed)] == [1008.0 if hope else 1000.0]


# What ends a wait before its time


@pytest.mark.parametrize("question", [False, True])
def test_a_green_that_falls_sick_ends_it(ports: Ports, *, question: bool) -> None:
    """With weight on green its health is looked at each time; a run that goes back already waits on."""
    ill = Scene(move=str(MOVE), shares=(HALF, HALF), b="d7.42", healthy={Slot.B: 0}).seen()
    for knows, ends in ((MINE, ["TurnedBack"]), (run(own_move=MOVE, turn_back=SICK), ["StepEnded"])):
        session = scripted(ports, Deploy(), ill, knows=knows, configured=replace(spec(2), identity=None))
        session.look()
        events = list(put_question(session, PROBE)) if question else list(wait(session, HOLD))
        assert kinds(events) == ends
        assert session.run.turn_back is not None
        assert session.run.turn_back.judged


@pytest.mark.parametrize("question", [False, True])
def test_a_wish_to_stop_ends_it(ports: Ports, *, question: bool) -> None:
    """A split is left, anything else stopped, at the next look at the wish."""
    for found, ends in ((SPLIT, "TurnedBack"), (STARTING, "")):
        session = scripted(ports, Deploy(), found, configured=replace(spec(2), identity=None))
        session.look()
        clock = session.ports.clock
        assert isinstance(clock, VirtualClock)
        clock.stop = 15
        going = put_question(session, PROBE) if question else wait(session, HOLD)
        if ends:
            assert kinds(list(going)) == [ends]
        else:
            with pytest.raises(StoppedError):
                list(going)


def test_a_look_that_turns_a_run_back_ends_it(ports: Ports) -> None:
    """A stranger's weight, seen by the look of the minute, ends the hold, and nothing is told of its end."""
    session = scripted(ports, Deploy(), *[SPLIT] * 15, shares(0, HALF), knows=MINE)
    assert kinds(waited(session, HOLD)) == []
    assert (session.now_s, session.run.foreign) == (1060.0, frozenset({0}))


def test_an_earlier_tag_ends_it(ports: Ports) -> None:
    """One that came late over this run's own is written over before anything is waited for."""
    late = MOVE.entering(Stage.PREPARE, LONG_AGO - 9)
    session = scripted(ports, Deploy(), Scene(move=str(late), shares=(HALF, HALF), b="d7.42").seen(), knows=MINE)
    session.announcing = {late: TagMove(tag=late)}
    assert waited(session, HOLD) == []
