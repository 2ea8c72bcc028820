"""The way back where AWS, a stranger or a signal is in the way of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from execute.disturbing import (
    DENIED,
    THROTTLED,
    Code,
    forward,
    groups_of,
    modify,
    names,
    once,
    other_group,
    refuse,
    rule_arn,
    served_twice,
)
from lives import Production, adopted, app, fork, killed, must, on, rest, state, watched
from region import Stage
from teal.model.event import RunEnded, StepFailed
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.plan.situation import Row


@pytest.fixture(name="two")
def two_revisions(tmp_path: Path) -> Stage:
    """Slot b serves 2, slot a is warm with 1."""
    return served_twice(tmp_path)


def at(two: Stage, call: str, nth: int) -> Stage:
    """Return the app with a deployment of 3 that was killed at a call."""
    return killed(on(rest(two), "3"), Deploy(), (call, nth))


SPLIT = [
    ("ModifyRule", 1),
    ("ModifyRule", 2),
    ("ModifyRule", 3),
    ("ModifyRule", 4),
    ("ModifyRule", 6),
    ("TagResource", 2),
]


@pytest.mark.parametrize("point", SPLIT)
@pytest.mark.parametrize("intent", [Rollback(), Abort()])
def test_the_first_write_of_a_way_back_is_the_first_route(two: Stage, point: tuple[str, int], intent: Intent) -> None:
    """With weight on green, only reads precede the write that gives the first route to blue; tags come after."""
    left = at(two, *point)
    since, first = len(left.region.written), rule_arn(left.region, 20)
    assert left.run(intent).exit_code == 0
    name, params = left.region.written[since]
    blue = left.look().slot(Slot.B).groups[0].group
    assert blue is not None
    assert (name, params["RuleArn"]) == ("elbv2:ModifyRule", first)
    assert [params["Actions"][0].get("TargetGroupArn")] == [blue.arn] or params["Actions"][0]["ForwardConfig"][
        "TargetGroups"
    ] == [{"TargetGroupArn": blue.arn, "Weight": 100}]
    rest_of = names(left, since)[1:]
    assert rest_of.index("TagResource") >= rest_of.count("ModifyRule")


@pytest.mark.parametrize("code", [DENIED, THROTTLED])
@pytest.mark.parametrize("intent", [Rollback(), Abort()])
def test_a_route_that_refuses_for_a_while_keeps_no_other_waiting(two: Stage, code: Code, intent: Intent) -> None:
    """The first route refuses: `.back` is said on the service, the second goes back, the first is tried again."""
    left = at(two, "ModifyRule", 4)
    since = len(left.region.written)
    refuse(left, 20, 3, code)
    production = watched(left)
    assert left.run(intent).exit_code == 0
    assert production.failures == ()
    assert names(left, since)[:3] == ["TagResource", "ModifyRule", "ModifyRule"]
    assert str(state(left)) == "20: 0 0 | b.a.back | 3.back | 2.served"


@pytest.mark.parametrize("code", [DENIED, THROTTLED])
def test_killed_while_the_first_route_refuses_it_is_known_that_it_was_going_back(two: Stage, code: Code) -> None:
    """Some on the first route, nothing on the second, is not taken for a flip half done: the service says `.back`."""
    left = at(two, "ModifyRule", 2)
    refuse(left, 20, 100, code)
    killed(left, Rollback(), ("ModifyRule", 1))
    left.region.before_call = None
    assert str(state(left)) == "12: 10 0 | b.a.shift | 3.back | 2.served"
    assert must(left, Deploy(), 7).region is left.region
    assert state(left).row == Row.ROLLED_BACK


@pytest.mark.parametrize("intent", [Rollback(), Abort()])
def test_a_route_that_refuses_for_good_is_named(two: Stage, intent: Intent) -> None:
    """A permission that is missing ends the run with exit 5 and the outstanding route; the other one is back."""
    left = at(two, "ModifyRule", 4)
    refuse(left, 30, 1000, DENIED)
    ended = left.run(intent)
    assert ended.exit_code == 5
    assert "on shop:80 rule 30 is outstanding: " in ended.message
    assert str(state(left)).partition("|")[0].endswith(": 0 50 ")
    left.region.before_call = None
    assert left.run(intent).exit_code == 0
    assert state(left).row == Row.ROLLED_BACK


def test_a_refused_forward_write_goes_back(two: Stage) -> None:
    """A forward write that AWS refuses ends the deployment where it was: exit 4, blue serves, nobody is judged."""
    play = on(rest(two), "3")
    refuse(play, 30, 1000, DENIED)
    production = watched(play)
    events = play.events(Deploy())
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.exit_code, production.failures) == (4, ())
    assert any(isinstance(event, StepFailed) and event.follows == "back" for event in events)
    assert str(state(play)) == "20: 0 0 | b.a.back | 3.back | 2.served"


# Strangers


@pytest.mark.parametrize("priority", [20, 30])
def test_a_route_that_a_stranger_wrote_while_split_is_left_alone(two: Stage, priority: int) -> None:
    """Other weights between two looks: the other route goes to blue, the foreign one stays as it is, exit 7."""
    play = on(rest(two), "3")
    a, b = groups_of(play)
    held = play.region.calls["elbv2:ModifyRule"] + 2
    once(
        play.region,
        lambda: play.region.calls["elbv2:ModifyRule"] == held,
        lambda: modify(play.region, priority, forward((a, 30), (b, 70))),
    )
    ended = play.run(Deploy())
    found = state(play)
    assert (ended.exit_code, found.a) == (7, "3.back")
    assert found.shares == ("30 0" if priority == 20 else "0 30")


REDIRECT = [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302", "Host": "x.test"}}]


@pytest.mark.parametrize("shape", ["foreign group", "redirect", "no weight"])
@pytest.mark.parametrize("intent", [Deploy(), Flip(), Rollback(), Abort()])
def test_a_route_of_another_shape_is_not_written(two: Stage, shape: str, intent: Intent) -> None:
    """A route that forwards elsewhere, redirects or has no weight at all is drift: exit 7, nothing is written."""
    play = on(rest(two), "3")
    a, b = groups_of(play)
    actions = {
        "foreign group": forward((other_group(play.region), 1)),
        "redirect": REDIRECT,
        "no weight": forward((a, 0), (b, 0)),
    }
    for priority in (20, 30):
        modify(play.region, priority, actions[shape])
    since = len(play.region.written)
    ended = play.run(intent)
    assert (ended.exit_code, names(play, since)) == (7, [])


def two_rules(play: Stage) -> None:
    """Make a second rule with the conditions of the first route, which is configured by its conditions."""
    first = play.spec.routes[0]
    assert first.create is not None
    route = replace(first, priority=None, conditions=first.create.conditions, create=None)
    play.spec = replace(play.spec, routes=(route, play.spec.routes[1]))
    listener = rule_arn(play.region, 20).replace("listener-rule", "listener").rpartition("/")[0]
    condition = {"Field": "host-header", "HostHeaderConfig": {"Values": ["one.test"]}}
    a, _ = groups_of(play)
    play.region.aws(
        "elbv2", "CreateRule", ListenerArn=listener, Priority=77, Conditions=[condition], Actions=forward((a, 1))
    )


def stranger(play: Stage) -> None:
    """Let a rule that is no route forward to a slot's group."""
    listener = rule_arn(play.region, 20).replace("listener-rule", "listener").rpartition("/")[0]
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/admin"]}}
    a, _ = groups_of(play)
    play.region.aws(
        "elbv2", "CreateRule", ListenerArn=listener, Priority=78, Conditions=[condition], Actions=forward((a, 1))
    )


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (two_rules, "2 rules match"),
        (stranger, "forwards to a group of this app and is no route"),
    ],
)
def test_what_preflight_refuses_is_not_touched(two: Stage, make: Callable[[Stage], None], reason: str) -> None:
    """A configuration that does not fit what is there ends with exit 2 before the first write."""
    play = on(rest(two), "3")
    make(play)
    since = len(play.region.written)
    ended = play.run(Deploy())
    assert (ended.exit_code, names(play, since)) == (2, [])
    assert reason in ended.message


def test_a_group_of_another_load_balancer_is_refused(tmp_path: Path) -> None:
    """A target group that another load balancer forwards to is no group of this app: exit 2, nothing is written."""
    play = on(adopted(on(app(tmp_path), "1")), "2")
    made = play.region.aws("elbv2", "CreateLoadBalancer", Name="other", Subnets=["subnet-a", "subnet-b"])
    play.region.aws(
        "elbv2",
        "CreateListener",
        LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=81,
        DefaultActions=forward((other_group(play.region, "shop-b"), 1)),
    )
    ended = play.run(Deploy())
    assert (ended.exit_code, names(play, 0)) == (2, [])
    assert "is attached to another load balancer" in ended.message


# Signals


def test_a_signal_stops_a_deployment_anywhere_and_the_same_command_goes_on(two: Stage) -> None:
    """Stopped after any write: exit 143, no split is left, production answers, and the same command finishes later."""
    whole = on(rest(two), "3")
    count = len(whole.region.written)
    must(fork(whole), Deploy())
    writes = 15
    ends = [stopped_and_resumed(fork(whole), count + nth) for nth in range(1, writes + 1)]
    assert not any(ends), "\n".join(ends)


def stopped_and_resumed(play: Stage, nth: int) -> str:
    """Send SIGTERM after a write, run the command again; return what was wrong."""
    region = play.region
    production: Production = watched(play)
    earlier = region.after_call

    def after(service: str, operation: str, params: Mapping[str, Any]) -> None:
        if earlier is not None:
            earlier(service, operation, params)
        if len(region.written) == nth:
            region.signal = 15

    region.after_call = after
    ended = play.run(Deploy())
    left = state(play)
    region.signal, region.after_call = None, earlier
    rest(play, 60.0)
    again = play.run(Deploy())
    then = str(state(play))
    wrong = [
        *([] if ended.exit_code == 143 else [f"exit {ended.exit_code} {ended.message}"]),
        *([] if left.serves else ["traffic is split"]),
        *(
            []
            if (again.exit_code, then) == (0, "18: 100 100 | b.a.done | 3.served | 2.served")
            else [f"{again} {then}"]
        ),
        *production.failures,
    ]
    return f"{region.written[nth - 1][0]} {left}: {wrong}" if wrong else ""


@pytest.mark.parametrize("signal", [2, 15])
@pytest.mark.parametrize("intent", [Rollback(), Abort()])
def test_a_signal_before_a_way_back_leaves_it_to_the_next(two: Stage, signal: int, intent: Intent) -> None:
    """Stopped before anything was written: exit 130 or 143, nothing changed."""
    left = at(two, "ModifyRule", 4)
    before = state(left)
    left.region.signal = signal
    assert left.run(intent).exit_code == 128 + signal
    assert state(left) == before


def test_an_abort_that_cannot_put_back_needs_a_person(two: Stage) -> None:
    """Exit 5, not 0, when what the slot held before does not come up again; production stays where it is."""
    left = at(two, "UpdateService", 1)
    left.region.dead.add("lab/shop:1")
    ended = left.run(Abort())
    assert (ended.exit_code, state(left).serves) == (5, "b"), ended
    assert "did not come up again" in ended.message


def test_a_forward_write_that_comes_twice_is_undone_at_once(two: Stage) -> None:
    """The weight from before the rollback, written once more by a request that was late, is no stale read for long."""
    left, writes, lasted = at(two, "ModifyRule", 4), 0, list[float]()
    a, b = groups_of(left)

    def after(_: str, operation: str, __: Mapping[str, Any]) -> None:
        nonlocal writes
        writes += operation == "ModifyRule"
        if operation == "ModifyRule" and writes == 2:
            modify(left.region, 20, forward((a, 50), (b, 50)))
            lasted.append(left.region.now_s)
        elif operation == "ModifyRule" and writes == 3:
            lasted.append(left.region.now_s)

    left.region.after_call = after
    ended = left.run(Rollback())
    assert (ended.exit_code, state(left).shares, len(lasted)) == (0, "0 0", 2), ended
    assert lasted[1] - lasted[0] < 5.0
