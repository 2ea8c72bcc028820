"""Game day in a real lab: processes are killed and frozen, checks, requests and calls go wrong, and recover."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.outside.town import Town, until
from teal.lab import control, steering

pytestmark = pytest.mark.lab


class Day:
    """A town with a service of two tasks, and its game day."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.root = town.lab.directory.parent
        town.build("web", "spare")
        town.serve("web", town.define({"REVISION": "1"}))
        town.stable("web")

    def place(self, kind: str, /, *, seed: int = 1, for_s: float | None = None, **fields: object) -> int:
        """Let a fault begin; return its number."""
        fault = {"kind": kind, **fields}
        return int(steering.place(self.root, self.town.lab.name, fault, seed=seed, for_s=for_s)["number"])

    def mend(self, number: int) -> Any:  # noqa: ANN401 - plain values
        """End a fault; return it."""
        (ended,) = steering.mend(self.root, self.town.lab.name, [number])
        return ended

    def story(self, source: str) -> list[str]:
        """Return what a source told, as `subject: message`."""
        events = steering.events(self.root, self.town.lab.name, 0).events
        return [f"{each.subject}: {each.message}" for each in events if each.source == source]

    def told(self, source: str, part: str, *, beyond: int = 0) -> bool:
        """Say whether the story has a line, beyond so many lines of that source."""
        return any(part in line for line in self.story(source)[beyond:])


@pytest.fixture
def day(town: Town) -> Day:
    """A town where everything works, so far."""
    return Day(town)


def test_tasks_are_killed_and_frozen(day: Day) -> None:
    """A killed task is replaced, as ECS does; a frozen one fails its checks, and thaws when the fault ends."""
    before = set(day.town.tasks())
    day.place("kill-task", service="web")
    until(lambda: len(set(day.town.tasks()) - before) == 1, "a task was replaced")
    until(lambda: day.told("fault", "ends after 1 hits"), "the fault ended by itself")
    day.town.stable("web")
    earlier = len(day.story("target"))
    number = day.place("freeze-task", service="web")
    until(lambda: day.told("target", "unhealthy", beyond=earlier), "the frozen task is seen to be unhealthy", 60.0)
    assert day.mend(number)["hits"] == 1
    until(lambda: set(day.town.states("web")) <= {"healthy", "draining"}, "all is well again")
    assert day.told("fault", "freezes task")


def test_health_fails_and_recovers(day: Day) -> None:
    """One of two targets fails its checks for real, so ECS replaces its task; the new one is well."""
    before = set(day.town.tasks())
    day.place("fail-health", group="web", share_percent=50.0)
    until(lambda: day.told("target", "unhealthy: Health checks failed"), "a target is unhealthy")
    until(lambda: set(day.town.tasks()) - before, "its task was replaced")
    until(lambda: set(day.town.states("web")) <= {"healthy", "draining"}, "all is well again")


def test_a_share_of_the_requests_fails(day: Day) -> None:
    """The share is met, the other requests are answered, and nothing is left when the fault ends by itself."""
    day.place("fail-requests", group="web", share_percent=40.0, status=502, for_s=4.0)
    until(lambda: day.town.ask()[0] == 502, "a request failed")
    answers = Counter(status for status, _ in (day.town.ask() for _ in range(100)))
    assert set(answers) == {200, 502}
    assert 15 < answers[502] < 65
    until(lambda: not steering.faults(day.root, day.town.lab.name), "the fault ended")
    until(lambda: day.town.answers() == {(200, "1")}, "all requests are answered")


def test_the_api_is_throttled_and_stale(day: Day) -> None:
    """AWS's words when a bucket is empty; a rule that has just been made is not there for a stale read."""
    number = day.place("throttle-api", api="elbv2", rate_percent=1.0)
    client = day.town.client("elbv2")
    with pytest.raises(ClientError, match=r"ThrottlingException.*Rate exceeded"):
        _ = [client.describe_target_groups() for _ in range(30)]
    day.mend(number)
    number = day.place("stale-reads", api="elbv2", age_s=30.0)
    before = client.describe_rules(RuleArns=[day.town.arns["rule"]])["Rules"][0]["Actions"]
    day.town.forward(web=90, spare=10)
    assert client.describe_rules(RuleArns=[day.town.arns["rule"]])["Rules"][0]["Actions"] == before
    day.mend(number)
    assert client.describe_rules(RuleArns=[day.town.arns["rule"]])["Rules"][0]["Actions"] != before


def test_a_region_is_put_back(day: Day) -> None:
    """After a restore new processes serve what was there, and what was made since is gone."""
    before = set(day.town.tasks())
    snapshot = steering.snapshot(day.root, day.town.lab.name)
    day.town.serve("spare", day.town.define({"REVISION": "2"}))
    day.town.stable("spare")
    day.town.forward(spare=1)
    until(lambda: day.town.answers() == {(200, "2")}, "the second service serves")
    steering.restore(day.root, day.town.lab.name, snapshot)
    until(lambda: day.town.answers() == {(200, "1")}, "the first service serves again")
    day.town.stable("web")
    assert not before & set(day.town.tasks())
    assert len(day.town.tasks()) == 2
    assert day.town.client("ecs").list_services(cluster="demo")["serviceArns"] == [day.town.look("web")["serviceArn"]]
    found = control.status(day.root, day.town.lab.name)
    assert found is not None
    assert found.troubles == {}


def test_somebody_else_edits_and_the_story_tells(day: Day) -> None:
    """An edit is real, the caller of a call is named, and each node says when it takes a rule up."""
    day.place("edit", what="weights", group="web")
    until(lambda: day.told("fault", "somebody else: rule 10 forwards to"), "somebody has edited a rule")
    taken = [f"node {node}: shop:80 rule 10 now forwards to web" for node in (0, 1)]
    until(lambda: all(day.told("node", line) for line in taken), "both nodes have taken it up")
    assert day.told("api", "elbv2 CreateRule: by Botocore/")
    assert control.status(day.root, day.town.lab.name) is not None
