"""What is in flight to targets and groups that leave: it finishes, and when its time is over it is cut off."""

import asyncio
from dataclasses import replace
from threading import Event, Thread

import pytest

from lab.proxy.stage import (
    BALANCER,
    Stage,
    clusters,
    condition,
    fixed,
    forward,
    group,
    host,
    in_flight,
    load_through,
    rule,
    target,
    until,
)
from teal.lab.load import LoadOptions, Mix

pytestmark = pytest.mark.lab


def test_dropped_group_finishes(stage: Stage) -> None:
    """A request in flight to a group that no rule uses any more is answered by it."""
    stage.app(host(1), REVISION="1")
    stage.show((group("blue", target("t", host(1), 8080)),), forward(("blue", 1)))
    until(lambda: stage.all_states("healthy") and stage.settled(status=200), "healthy")
    answers: list[int] = []
    asking = Thread(target=lambda: answers.append(stage.ask("/slow?seconds=2.5").status))
    asking.start()
    Event().wait(0.2)
    stage.show((), fixed("gone"))
    asking.join(10)
    assert answers == [200]
    until(lambda: not clusters(stage), "dropped")


def test_draining(stage: Stage) -> None:
    """What is in flight to a target that leaves is answered by it."""
    stage.app(host(1), REVISION="1")
    stage.app(host(2), REVISION="2")
    stays, leaves = target("a", host(1), 8080), target("b", host(2), 8080)
    stage.show((group("blue", leaves),), forward(("blue", 1)))
    until(lambda: stage.all_states("healthy") and stage.settled(status=200), "healthy")

    async def scenes() -> None:
        await asyncio.sleep(0.7)
        stage.show((group("blue", stays, leaves),), forward(("blue", 1)))
        await asyncio.sleep(0.7)
        left = replace(group("blue", stays), finishing=((leaves.host, leaves.host_port),))
        stage.show((left,), forward(("blue", 1)))
        await asyncio.sleep(0.3)
        stage.apps[1].terminate()
        await asyncio.sleep(0.5)

    mix = Mix(slow_per_s=20, slow_seconds=2)
    options = LoadOptions(url=f"http://{BALANCER}:{stage.port}/", rate_per_s=100, duration_s=30, mix=mix)
    result = load_through(stage, options, scenes)
    assert (result.failed, result.failures) == (0, {})
    assert {*result.slots} == {"1", "2"}
    assert stage.apps[1].wait(10) == 0


def test_cut(stage: Stage) -> None:
    """A request open to a target whose time is over is cut off, before its answer as 502 and under it as an end.

    The target lives on; what is open to others is not touched.
    """
    for i in (1, 2):
        stage.app(host(i), REVISION=str(i))
    stays, leaves = target("a", host(1), 8080), target("b", host(2), 8080)
    rules = (rule(condition("query-string", queries=(("to", "leaves"),)), group_arn="leaving"), forward(("staying", 1)))
    stage.show((group("staying", stays), group("leaving", leaves)), *rules)
    until(lambda: stage.all_states("healthy", "healthy") and stage.settled(status=200), "healthy")
    answers: dict[str, int] = {}

    def ask(name: str, path: str) -> None:
        answers[name] = stage.ask(path).status

    asking = [
        Thread(target=ask, args=("leaves", "/slow?seconds=30&to=leaves")),
        Thread(target=ask, args=("stays", "/slow?seconds=3")),
    ]
    for thread in asking:
        thread.start()
    until(lambda: in_flight(stage) == 2, "both are in flight")
    finishing = replace(group("leaving"), finishing=((host(2), 8080),))
    stage.show((group("staying", stays), finishing), *rules)
    until(lambda: stage.states.keys() == {"a"} and stage.ask("/?to=leaves").status == 503, "nothing new is sent to it")
    assert answers == {}
    stage.show((group("staying", stays), group("leaving")), *rules)
    for thread in asking:
        thread.join(15)
    assert answers == {"leaves": 502, "stays": 200}
    assert stage.apps[1].poll() is None
    assert stage.log == []
