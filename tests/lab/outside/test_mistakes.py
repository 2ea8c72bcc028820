"""Deployments made wrongly on purpose lose requests, and the lab counts them; the right way beside each loses none.

What a mistake costs is what AWS answers to it: 503 from a group without targets, 502 from a target that does not listen
and for a request whose task is killed under it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.outside.town import Town, opened, until
from lab.outside.under_load import Counts, load

pytestmark = pytest.mark.lab
SOON = "{time_scale: 0.02, rule_delay_s: [0, 0.1]}"
LATE = "{time_scale: 0.3, rule_delay_s: [20, 22]}"
NOBODY = (503, "")


@pytest.fixture
def town(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Town]:
    """A town whose load balancer takes up changes of rules at once, or as late as the test says."""
    with opened(tmp_path, getattr(request, "param", SOON)) as made:
        yield made


def two_slots(town: Town) -> None:
    """Build two slots of two healthy tasks each; all requests go to a."""
    town.build("a", "b")
    for name in ("a", "b"):
        town.serve(name, town.define({"REVISION": name}))
    for name in ("a", "b"):
        whole(town, name)
    until(lambda: town.answers() == {(200, "a")}, "a answers")


def whole(town: Town, name: str, count: int = 2) -> None:
    """Wait until a group has so many targets, all healthy."""
    until(lambda: town.states(name) == ["healthy"] * count, f"{name} has {count} healthy targets", within_s=60)


def scale(town: Town, name: str, count: int) -> None:
    """Ask for another number of tasks."""
    town.client("ecs").update_service(cluster="demo", service=name, desiredCount=count)


def leave(town: Town, name: str) -> None:
    """Scale a service to nothing, and wait until none of its targets gets new requests."""
    scale(town, name, 0)
    until(lambda: set(town.states(name)) <= {"draining"}, f"{name} is left", within_s=60)


def move(town: Town, name: str) -> None:
    """Give a slot all the weight; the other stays in the rule, so that its targets are checked all the time."""
    town.forward(**{slot: int(slot == name) for slot in ("a", "b")})


def serves(town: Town, name: str) -> None:
    """Give a slot all the weight and wait until it alone answers: the effect, not the answer of the API."""
    move(town, name)
    until(lambda: town.answers() == {(200, name)}, f"{name} answers", within_s=60)


def nothing_lost(counts: Counts) -> None:
    """Check that requests were sent and every one was answered."""
    assert (counts["failed"], counts["failures"]) == (0, {})
    assert counts["answered"] == counts["sent"] > 50


def lost(counts: Counts, *kinds: str) -> None:
    """Check that requests were lost, in these ways and no other."""
    assert counts["failed"] > 0
    assert set(counts["failures"]) <= set(kinds), counts["failures"]
    assert counts["answered"] + counts["failed"] == counts["sent"]


def test_weight_on_an_empty_group(town: Town) -> None:
    """Weight on a group without targets is answered 503; weight on it once its tasks are in service is not."""
    town.build("a", "b")
    town.serve("a", town.define({"REVISION": "a"}))
    whole(town, "a")
    serves(town, "a")
    with load(town, "--rate", "100") as counts:
        move(town, "b")
        until(lambda: town.answers() == {NOBODY}, "b answers that there is nobody")
        serves(town, "a")
    lost(counts, "status 503")
    with load(town, "--rate", "100") as counts:
        town.serve("b", town.define({"REVISION": "b"}))
        whole(town, "b")
        serves(town, "b")
    nothing_lost(counts)


def test_weight_before_the_targets_are_healthy(town: Town) -> None:
    """Weight on tasks that run but do not listen yet is answered 502; on healthy tasks that took 2 s it is not."""
    town.build("a", "b", "late")
    town.serve("a", town.define({"REVISION": "a"}))
    whole(town, "a")
    serves(town, "a")
    with load(town, "--rate", "100") as counts:
        town.serve("b", town.define({"REVISION": "b", "START_SECONDS": "2"}))
        whole(town, "b")
        serves(town, "b")
    nothing_lost(counts)
    town.serve("late", town.define({"REVISION": "late", "START_SECONDS": "60"}), healthCheckGracePeriodSeconds=3600)
    until(lambda: town.states("late"), "the late tasks run and are registered")
    with load(town, "--rate", "100") as counts:
        town.forward(late=1)
        until(lambda: town.ask()[0] in {502, 503}, "a late task is asked")
        serves(town, "b")
    lost(counts, "status 502", "status 503")


def drains_for(town: Town, name: str, delay_s: int) -> None:
    """Set the deregistration delay of a group, in seconds of AWS."""
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(delay_s)}]
    town.client("elbv2").modify_target_group_attributes(TargetGroupArn=town.arns[name], Attributes=delay)


def test_no_deregistration_delay(town: Town) -> None:
    """Scale-in with a deregistration delay of 0 cuts requests that are open; with one longer than they take, none."""
    town.build("a")
    town.serve("a", town.define({"REVISION": "a"}, stopTimeout=1), count=3)
    whole(town, "a", 3)
    slowly = ("--rate", "20", "--slow-rate", "10", "--slow-seconds", "4")
    drains_for(town, "a", 500)  # 10 s at this time scale
    with load(town, *slowly) as counts:
        scale(town, "a", 2)
        until(lambda: len(town.states("a")) == 2, "two targets are left", within_s=90)
    nothing_lost(counts)
    drains_for(town, "a", 0)
    with load(town, *slowly) as counts:
        scale(town, "a", 1)
        until(lambda: len(town.states("a")) == len(town.tasks()) == 1, "one task is left", within_s=90)
    lost(counts, "status 502", "closed", "reset", "truncated")


def test_scale_in_of_the_live_slot(town: Town) -> None:
    """Scaled to nothing, the slot that serves answers 503; the slot that served before is scaled in without a loss."""
    two_slots(town)
    with load(town, "--rate", "100") as counts:
        serves(town, "b")
        leave(town, "a")
    nothing_lost(counts)
    with load(town, "--rate", "100") as counts:
        leave(town, "b")
        until(lambda: town.answers() == {NOBODY}, "nobody is left")
    lost(counts, "status 503")


@pytest.mark.parametrize("town", [LATE], indirect=True, ids=["rules take 6 s or more"])
def test_capacity_removed_before_the_rule_change_arrives(town: Town) -> None:
    """Capacity that goes when the API has accepted the flip is missed; when the flip has taken effect it is not."""
    two_slots(town)
    with load(town, "--rate", "100") as counts:
        serves(town, "b")
        leave(town, "a")
    nothing_lost(counts)
    scale(town, "a", 2)
    whole(town, "a")
    with load(town, "--rate", "100") as counts:
        move(town, "a")
        leave(town, "b")
        until(lambda: town.answers() == {(200, "a")}, "a answers at last", within_s=60)
    lost(counts, "status 503")
