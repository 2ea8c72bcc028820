"""How often AWS is called: every app of an account shares ELBv2's budget of requests."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from lives import app, must, on, rest
from region import ONE_ROUTE, Stage, stage
from teal.model.event import Event, RunEnded, StepBegan
from teal.model.run import Deploy

STEPPED = '["10% for 10m", "100%"]'


def calls_by_stage(play: Stage, events: list[Event], at_event: dict[int, Counter[str]]) -> dict[str, Counter[str]]:
    """Return the calls to each service made during each kind of step."""
    found: dict[str, Counter[str]] = {}
    last, name = Counter[str](), "first look"
    marks = [(index, type(event.step).__name__) for index, event in enumerate(events) if isinstance(event, StepBegan)]
    for index, step in [*marks, (len(events) - 1, "")]:
        found.setdefault(name, Counter()).update(at_event[index] - last)
        last, name = at_event[index], step
    assert sum(sum(part.values()) for part in found.values()) == sum(play.region.calls.values())
    return found


def played(play: Stage, timeout_s: float | None = None) -> tuple[RunEnded, dict[str, Counter[str]]]:
    """Deploy; return how it ended and the calls by kind of step."""
    play.region.calls.clear()
    events: list[Event] = []
    at_event: dict[int, Counter[str]] = {}
    for event in play.tell(Deploy(), timeout_s):
        at_event[len(events)] = Counter(play.region.calls)
        events.append(event)
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    return ended, calls_by_stage(play, events, at_event)


def of(service: str, calls: Counter[str]) -> int:
    """Return how many calls were made to a service."""
    return sum(count for name, count in calls.items() if name.startswith(service + ":"))


def show(capsys: pytest.CaptureFixture[str], title: str, stages: dict[str, Counter[str]]) -> None:
    """Print the calls per stage."""
    with capsys.disabled():
        rows = [f"  {name}: {of('elbv2', calls)} ELBv2, {of('ecs', calls)} ECS" for name, calls in stages.items()]
        sys.stdout.write("\n".join(["", title, *rows, ""]))


@pytest.fixture(name="play")
def served(tmp_path: Path) -> Stage:
    """One route, 1 serves, a hold of ten minutes on the way, on the clock of AWS."""
    return rest(must(on(stage(tmp_path, routes=ONE_ROUTE, shift=STEPPED, bake="10m"), "1"), Deploy()))


def test_ten_minutes_of_waiting_for_health_stay_within_the_budget(
    play: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """A newcomer that never becomes healthy, and never fails, costs at most 400 ELBv2 calls in ten minutes."""
    ended, stages = played(on(play, "2slow"), timeout_s=600.0)
    show(capsys, "ten minutes of waiting", stages)
    assert ended.exit_code == 124
    assert ended.took_s >= 600
    assert sum(of("elbv2", calls) for calls in stages.values()) <= 400
    assert sum(of("ecs", calls) for calls in stages.values()) <= 300


LIMITS = {  # of ELBv2 calls in each kind of step of a deployment with 1 min to health, 10 min hold, 10 min bake
    "first look": 12,
    "TagMove": 50,
    "Register": 10,
    "CreateService": 10,
    "AwaitWhole": 60,
    "ProveIdentity": 10,
    "WriteRoute": 20,
    "Hold": 450,
    "ProbeProduction": 15,
    "TagDeployment": 20,
}


def test_every_stage_of_a_deployment_has_its_budget(play: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """No kind of step of a normal deployment makes more ELBv2 calls than its bound; twenty minutes of holds 450."""
    ended, stages = played(on(play, "2"))
    show(capsys, "a deployment", stages)
    assert ended.exit_code == 0
    made = {name: of("elbv2", calls) for name, calls in stages.items()}
    assert {name: count for name, count in made.items() if count > LIMITS.get(name, 0)} == {}


def test_nothing_to_do_is_one_look(tmp_path: Path) -> None:
    """A deployment of what serves makes one look and no write."""
    play = must(on(app(tmp_path), "1"), Deploy())
    play.region.calls.clear()
    written = len(play.region.written)
    assert play.run(Deploy()).exit_code == 0
    assert sum(play.region.calls.values()) <= 25
    assert len(play.region.written) == written
