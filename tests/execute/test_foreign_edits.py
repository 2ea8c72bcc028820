"""What somebody else edits while a deployment is at work: noticed in every stage, told field by field, never undone.

Slot b serves 2; 3 is deployed to slot a, in steps. An edit is made right after a write of that: while green is
prepared, while it starts, at 10 %, and in the bake.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from execute.disturbing import (
    forward,
    groups_of,
    modify,
    once,
    other_group,
    put_revision,
    rule_arn,
    served_twice,
    service,
    update,
)
from lives import fork, on, rest, state, watched
from region import Stage
from teal.model.event import Drifted, Event, Noted, RunEnded
from teal.model.run import Deploy, Flip

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edit by somebody else: what is done, where it is seen afterwards, and what the run calls it."""

    act: Callable[[Stage], object]
    shown: Callable[[Stage], object]
    field: str
    adoptable: bool = False
    harmless: bool = True  # production answers all the same


def rule(play: Stage) -> dict[str, Any]:
    """Return the first production rule as it is; empty where it is gone."""
    balancer = play.region.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["LoadBalancerArn"]
    listener = play.region.aws("elbv2", "DescribeListeners", LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    rules = play.region.aws("elbv2", "DescribeRules", ListenerArn=listener)["Rules"]
    hosts = ({value for c in each["Conditions"] for value in c.get("HostHeaderConfig", {}).get("Values", ())}
             for each in rules)  # fmt: skip
    return next((dict(each) for each, names in zip(rules, hosts, strict=True) if "one.test" in names), {})


def actions(play: Stage) -> object:
    """Return where the first route leads."""
    return rule(play).get("Actions")


def weights(play: Stage) -> None:
    """Somebody moves traffic by hand."""
    a, b = groups_of(play)
    modify(play.region, 20, forward((a, 7), (b, 93)))


def elsewhere(play: Stage) -> None:
    """Somebody points the route at a group of his own."""
    modify(play.region, 20, forward((other_group(play.region), 1)))


def maintenance(play: Stage) -> None:
    """Somebody puts up a maintenance page."""
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    modify(play.region, 20, [fixed])


def sticky(play: Stage) -> None:
    """Somebody turns group stickiness on."""
    now = rule(play)["Actions"][0]["ForwardConfig"]["TargetGroups"]
    stickiness = {"Enabled": True, "DurationSeconds": 60}
    config = {"TargetGroups": now, "TargetGroupStickinessConfig": stickiness}
    modify(play.region, 20, [{"Type": "forward", "ForwardConfig": config}])


def conditions(play: Stage) -> None:
    """Somebody lets the route answer to one more name."""
    hosts = [{"Field": "host-header", "HostHeaderConfig": {"Values": ["one.test", "uno.test"]}}]
    play.region.aws("elbv2", "ModifyRule", RuleArn=rule_arn(play.region, 20), Conditions=hosts)


def deleted(play: Stage) -> None:
    """Somebody deletes the route."""
    play.region.aws("elbv2", "DeleteRule", RuleArn=rule_arn(play.region, 20))


def stickiness(play: Stage) -> object:
    """Return the stickiness of the first route."""
    return rule(play)["Actions"][0]["ForwardConfig"].get("TargetGroupStickinessConfig", {}).get("Enabled")


def of(name: str, *path: str) -> Callable[[Stage], object]:
    """Return a reader of a field of a service."""

    def read(play: Stage) -> object:
        found: Any = service(play, name)
        for key in path:
            found = found[key]
        return found

    return read


def configured(name: str, **changes: Any) -> Callable[[Stage], object]:  # noqa: ANN401 - fields of AWS
    """Return somebody who changes how a service is deployed."""
    return lambda play: update(play, name, deploymentConfiguration=changes)


BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
MINIMUM = ("deploymentConfiguration", "minimumHealthyPercent")
EDITS: dict[str, Edit] = {
    "weights": Edit(act=weights, shown=actions, field="forwards to"),
    "another group": Edit(act=elsewhere, shown=actions, field="forwards to", harmless=False),
    "another action": Edit(act=maintenance, shown=actions, field="forwards to", harmless=False),
    "stickiness": Edit(act=sticky, shown=stickiness, field="stickiness", adoptable=True),
    "conditions": Edit(act=conditions, shown=lambda play: rule(play)["Conditions"], field="conditions", adoptable=True),
    "deleted": Edit(act=deleted, shown=rule, field="rule", harmless=False),
    "green's revision": Edit(
        act=lambda play: put_revision(play, "shop-a", "9"),
        shown=of("shop-a", "taskDefinition"),
        field="task definition",
    ),
    "blue's revision": Edit(
        act=lambda play: put_revision(play, "shop-b", "9"),
        shown=of("shop-b", "taskDefinition"),
        field="task definition",
    ),
    "green's minimum": Edit(
        act=configured("shop-a", minimumHealthyPercent=0), shown=of("shop-a", *MINIMUM), field="minimum percent"
    ),
    "green's breaker": Edit(
        act=configured("shop-a", **BREAKER),
        shown=of("shop-a", "deploymentConfiguration", "deploymentCircuitBreaker"),
        field="circuit breaker",
    ),
    "blue's minimum": Edit(
        act=configured("shop-b", minimumHealthyPercent=0),
        shown=of("shop-b", *MINIMUM),
        field="minimum percent",
        adoptable=True,
    ),
    "blue's breaker": Edit(
        act=configured("shop-b", **BREAKER),
        shown=of("shop-b", "deploymentConfiguration", "deploymentCircuitBreaker"),
        field="circuit breaker",
        adoptable=True,
    ),
}
STAGES: dict[str, tuple[str, int]] = {  # after which call of which operation, in a deployment of two steps
    "prepare": ("AddTags", 1),
    "starting": ("UpdateService", 1),
    "at 10 %": ("ModifyRule", 2),
    "bake": ("ModifyRule", 6),
}


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Slot b serves 2, slot a is warm with 1."""
    return rest(served_twice(tmp_path_factory.mktemp("warm")))


def edited(warm: Stage, edit: Edit, stage: str, intent: Deploy) -> tuple[Stage, list[Event], object]:
    """Deploy 3 while somebody edits; return the app, what happened, and what was there right after the edit."""
    play = on(fork(warm), "3")
    operation, nth = STAGES[stage]
    production = watched(play)
    looking = play.region.after_call
    assert looking is not None
    calls, there = 0, list[object]()

    def after(service_name: str, called: str, params: Params) -> None:
        nonlocal calls
        looking(service_name, called, params)
        calls += called == operation
        if called == operation and calls == nth and not there:
            edit.act(play)
            there.append(edit.shown(play))

    play.region.after_call = after
    events = play.events(intent)
    play.region.after_call = None
    assert there, "the edit was never made"
    assert not edit.harmless or production.failures == ()
    return play, events, there[0]


def end_of(events: list[Event]) -> RunEnded:
    """Return how a run ended."""
    last = events[-1]
    assert isinstance(last, RunEnded)
    return last


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_stops_the_run_and_stays(warm: Stage, name: str, stage: str) -> None:
    """Exit 7 with the field named, before and after; what somebody else wrote is still there afterwards."""
    edit = EDITS[name]
    play, events, there = edited(warm, edit, stage, Deploy())
    ended = end_of(events)
    assert (ended.exit_code, edit.shown(play)) == (7, there), ended
    drifts = [event for event in events if isinstance(event, Drifted)]
    assert [change.field for change in drifts[0].changes][:1] == [edit.field]
    assert all(change.before != change.after for change in drifts[0].changes)
    assert "drift: " in ended.message or "somebody else" in ended.message
    assert ended.took_s < 10.0, "it went on for a while"
    assert ("--adopt" in ended.hint) is (edit.adoptable and stage != "at 10 %")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", EDITS)
def test_what_teal_only_keeps_can_be_adopted(warm: Stage, name: str, stage: str) -> None:
    """With `--adopt` the run tells the edit and goes on to the end with it; what teal decides stops it all the same."""
    edit = EDITS[name]
    play, events, there = edited(warm, edit, stage, Deploy(adopt=True))
    drift = next(event for event in events if isinstance(event, Drifted))
    assert (end_of(events).exit_code, drift.adopted, edit.shown(play)) == (
        0 if edit.adoptable else 7,
        edit.adoptable,
        there,
    )
    assert not edit.adoptable or state(play).serves == "a"


@pytest.mark.parametrize("stage", ["prepare", "starting", "bake"])
@pytest.mark.parametrize("name", [name for name, edit in EDITS.items() if edit.adoptable])
def test_the_same_command_goes_on_from_what_is_there(warm: Stage, name: str, stage: str) -> None:
    """Run again after it stopped, the edit is how things are."""
    edit = EDITS[name]
    play, _, there = edited(warm, edit, stage, Deploy())
    ended = play.run(Flip() if stage == "bake" else Deploy())
    assert (ended.exit_code, state(play).serves, edit.shown(play)) == (0, "a", there), ended


@pytest.mark.parametrize(("name", "stage"), [("shop-a", "at 10 %"), ("shop-b", "at 10 %"), ("shop-b", "starting")])
def test_another_count_is_told_and_not_drift(warm: Stage, name: str, stage: str) -> None:
    """Whoever changes a count, the run goes on with as many tasks as it needs, and says what it saw."""
    count = Edit(act=lambda play: update(play, name, desiredCount=3), shown=of(name, "desiredCount"), field="tasks")
    play, events, _ = edited(warm, count, stage, Deploy())
    notes = [event.message for event in events if isinstance(event, Noted)]
    assert (end_of(events).exit_code, state(play).serves) == (0, "a")
    assert f"somebody else asked for other counts: service {name}: tasks: 2 → 3" in notes
    assert service(play, "shop-a")["desiredCount"] == 3


@pytest.mark.parametrize(("name", "left"), [("weights", "7"), ("another group", "0"), ("stickiness", "10")])
@pytest.mark.parametrize("adopt", [True, False])
def test_a_way_back_does_not_write_over_an_edit(tmp_path: Path, name: str, left: str, *, adopt: bool) -> None:
    """Green falls sick in the tick of the edit: the route that was edited stays as it is, the other one goes back.

    With `--adopt` a route whose edit teal keeps goes back too, and keeps it.
    """
    play, edit, there = on(rest(served_twice(tmp_path, time_scale=0.05)), "3"), EDITS[name], list[object]()
    since: list[float] = []

    def late() -> bool:
        if not since and state(play).shares == "10 10":
            since.append(play.region.now_s)
        return bool(since) and play.region.now_s > since[0] + 3

    def strike() -> None:
        edit.act(play)
        there.append(edit.shown(play))
        play.region.dead.add("lab/shop:3")

    once(play.region, late, strike)
    events = play.events(Deploy(adopt=adopt))
    assert edit.shown(play) == there[0]
    adopted = adopt and edit.adoptable
    ended = end_of(events)
    assert (ended.exit_code, state(play).shares) == ((4, "0 0") if adopted else (7, f"{left} 0")), ended
