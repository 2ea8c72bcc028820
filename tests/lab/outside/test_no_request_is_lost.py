"""The lab under load: what AWS would not lose is not lost here, and what AWS would lose is counted."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from lab.outside.town import PORT, Town, until

pytestmark = pytest.mark.lab
Counts = dict[str, Any]


@contextmanager
def load(town: Town, *words: str) -> Iterator[Counts]:
    """Send requests while the body runs; at its end the counts are there."""
    counts: Counts = {}
    command = [sys.executable, "-m", "teal.lab.load", f"http://{town.host}:{PORT}/", "--duration", "120", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        try:
            yield counts
            sender.terminate()
            told, _ = sender.communicate(timeout=40)
        finally:
            sender.kill()
    last = json.loads(told.splitlines()[-1])
    assert last["final"]
    counts.update(last)


def test_flips_replacement_and_scaling_lose_nothing(town: Town) -> None:
    """20 flips, a rolling update, scale-out and scale-in under 200 requests a second and long ones: 0 lost."""
    town.build("a", "b", delay_s=300)
    for name in ("a", "b"):
        town.serve(name, town.define({"REVISION": name}))
    town.stable("a", "b")
    until(lambda: town.answers() == {(200, "a")}, "a answers")
    with load(town, "--rate", "200", "--new-connections", "10", "--slow-rate", "2", "--slow-seconds", "5") as counts:
        for number in range(20):
            town.forward(**({"b": 1} if number % 2 == 0 else {"a": 1}))
            Event().wait(0.3)
        town.client("ecs").update_service(cluster="demo", service="a", taskDefinition=town.define({"REVISION": "a2"}))
        until(lambda: town.ask() == (200, "a2"), "the new tasks answer")
        town.client("ecs").update_service(cluster="demo", service="a", desiredCount=4)
        until(lambda: town.states("a").count("healthy") == 4, "scaled out")
        town.client("ecs").update_service(cluster="demo", service="a", desiredCount=1)
        town.stable("a")
        until(lambda: town.states("a") == ["healthy"], "scaled in")
    assert (counts["failed"], counts["examples"]) == (0, [])
    assert counts["answered"] == counts["sent"] > 2000
    assert {"a", "b", "a2"} <= set(counts["slots"])
    assert counts["max_ms"] > 4900


def test_what_would_be_lost_on_aws_is_lost_here(town: Town) -> None:
    """Weight on a group without targets: the load client counts the failures, and their status is 503."""
    town.build("a", "b")
    town.serve("a", town.define({"REVISION": "a"}))
    town.stable("a")
    until(lambda: town.answers() == {(200, "a")}, "a answers")
    with load(town, "--rate", "100") as counts:
        Event().wait(0.5)
        town.forward(b=1)
        until(lambda: town.answers() == {(503, "")}, "b answers that there is nobody")
        town.forward(a=1)
        until(lambda: town.answers() == {(200, "a")}, "a answers again")
    assert counts["failed"] > 10
    assert set(counts["failures"]) == {"status 503"}
    assert counts["answered"] + counts["failed"] == counts["sent"]
