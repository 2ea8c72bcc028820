"""A newcomer that does not come up: when it is given up, and what the run says of it."""

from pathlib import Path

import pytest

from execute.disturbing import served_twice
from lives import adopted, app, fork, must, on, rest
from region import Stage
from teal.model.event import Diagnosed, Event, RunEnded, StepFailed
from teal.model.run import Deploy

CAUSE = "2 tasks ended alike: container web exited with 1"


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: slot b serves 2, slot a is warm with 1."""
    return rest(served_twice(tmp_path_factory.mktemp("app")))


def told(events: list[Event]) -> tuple[int, list[tuple[str, str]], list[tuple[str, ...]]]:
    """Return the exit code, each failed step with what follows, and what was diagnosed."""
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    failed = [(event.reason, event.follows) for event in events if isinstance(event, StepFailed)]
    return ended.exit_code, failed, [event.facts for event in events if isinstance(event, Diagnosed)]


def test_a_newcomer_that_crashes_is_given_up_for_its_cause(resting: Stage) -> None:
    """Two tasks that end alike are enough: the cause is told, with the last lines, long before the deadline."""
    play = on(fork(resting), "crash")
    began_s = play.region.now_s
    code, failed, facts = told(play.events(Deploy()))
    assert (code, failed) == (4, [(CAUSE, "back")])
    assert facts[0][0] == "2 × container web exited with 1"
    assert any(fact.startswith("event: (service shop-") for fact in facts[0])
    assert any("boom: cannot reach the database" in fact for fact in facts[0])
    assert play.region.now_s - began_s < play.spec.deploy.start_deadline_s * play.region.time_scale


def test_what_ended_before_is_not_the_newcomers(resting: Stage) -> None:
    """Tasks of another revision that crashed in the same slot a moment ago say nothing of a good newcomer. Exit 0."""
    play = fork(resting)
    must(on(play, "crash"), Deploy(), 4)
    code, failed, _ = told(on(play, "3").events(Deploy()))
    assert (code, failed) == (0, [])


def test_a_newcomer_that_never_gets_healthy_has_until_its_deadline(resting: Stage) -> None:
    """Where nothing ends there is hope, until the deadline: then it says what is missing. Exit 4."""
    play = on(fork(resting), "slow")
    began_s = play.region.now_s
    code, failed, facts = told(play.events(Deploy()))
    assert (code, [follows for _, follows in failed], len(facts)) == (4, ["back"], 1)
    assert "tasks ended alike" not in failed[0][0]
    assert play.region.now_s - began_s >= play.spec.deploy.start_deadline_s * play.region.time_scale


def test_what_a_health_check_said_is_told_when_its_tasks_are_gone(tmp_path: Path) -> None:
    """The targets of sick tasks leave the group, and with them the reason: it was noted while they were there, once."""
    play = on(adopted(on(app(tmp_path, time_scale=1.0), "1")), "sick")
    code, _, facts = told(play.events(Deploy()))
    said = [fact for fact in facts[0] if fact.startswith("health check: ")]
    assert (code, said) == (4, ["health check: Health checks failed with these codes: [500]"])
