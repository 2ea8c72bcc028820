"""The lab under load: what AWS would not lose is not lost here. What AWS would lose is in test_mistakes.py."""

from threading import Event

import pytest

from lab.outside.town import Town, until
from lab.outside.under_load import load

pytestmark = pytest.mark.lab


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
