"""`retire` on the region: it ends nothing that is needed, and gives back what somebody wants again meanwhile."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from execute.disturbing import (
    DENIED,
    THROTTLED,
    forward,
    groups_of,
    modify,
    names,
    once,
    other_group,
    put_revision,
    refuse_all,
    served_twice,
    service,
    update,
)
from lives import fork, must, on, rest, state, watched
from region import Stage
from teal.model.event import StepBegan
from teal.model.identity import Slot
from teal.model.run import Deploy, Retire, Rollback
from teal.model.step_retire import AwaitStill, RetireSlot


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Slot b serves 2, slot a is warm with 1, and has been for a while."""
    return rest(served_twice(tmp_path_factory.mktemp("warm")))


def counts(play: Stage) -> tuple[int, int]:
    """Return how many tasks both slots want."""
    return service(play, "shop-a")["desiredCount"], service(play, "shop-b")["desiredCount"]


def test_it_scales_down_and_deletes_nothing(warm: Stage) -> None:
    """One UpdateService is all that is written; when the command has ended, no task and no target is left."""
    play = fork(warm)
    since, production = len(play.region.written), watched(play)
    must(play, Retire())
    assert names(play, since) == ["UpdateService"]
    assert play.region.written[-1][1]["desiredCount"] == 0
    assert (counts(play), service(play, "shop-a")["runningCount"]) == ((0, 2), 0)
    assert play.look().slot(Slot.A).healthy == 0
    assert production.failures == ()


def test_what_comes_after(warm: Stage) -> None:
    """A retired slot is nowhere to go back to; the next deployment brings it up, and then there is a way back again."""
    play = must(fork(warm), Retire())
    refused = play.run(Rollback())
    assert (refused.exit_code, state(play).serves) == (5, "b")
    assert "retired" in refused.message
    rest(must(on(play, "3"), Deploy()))
    assert (counts(play), state(play).serves) == ((2, 2), "a")
    must(play, Rollback())
    assert state(play).serves == "b"


def test_the_write_follows_two_equal_looks(warm: Stage) -> None:
    """Between the first look and the write lie three seconds of AWS in which nothing changed."""
    play = fork(warm)
    began = [e for e in play.events(Retire()) if isinstance(e, StepBegan)]
    looked = next(event for event in began if isinstance(event.step, AwaitStill))
    wrote = next(event for event in began if isinstance(event.step, RetireSlot))
    assert wrote.at_s - looked.at_s >= 3 * play.region.time_scale


def test_slow_looks_do_not_keep_it_from_its_write(warm: Stage) -> None:
    """Where a complete look takes longer than it stays fresh, the routes alone are read again before the write."""
    play = fork(warm)
    looks = play.region.calls["ecs:DescribeTasks"]

    def slow(_: str, operation: str, __: Mapping[str, Any]) -> None:
        if operation == "DescribeServices":
            play.region.pass_time(1.5)
            assert play.region.calls["ecs:DescribeTasks"] - looks < 200, "it looks again and again"

    play.region.before_call = slow
    must(play, Retire())
    assert counts(play) == (0, 2)


def at_first(play: Stage, operation: str, act: Callable[[], object], *, before: bool = True) -> None:
    """Do something right before, or right after, the first call of an operation."""
    done: list[bool] = []

    def at_call(_: str, called: str, __: Mapping[str, Any]) -> None:
        if called == operation and not done:
            done.append(True)
            act()

    if before:
        play.region.before_call = at_call
    else:
        play.region.after_call = at_call


def led_to_a(play: Stage) -> None:
    """Somebody sends all production to slot a."""
    a, _ = groups_of(play)
    for priority in (20, 30):
        modify(play.region, priority, forward((a, 1)))


@pytest.mark.parametrize("before", [True, False])
def test_traffic_that_comes_meanwhile_meets_tasks(warm: Stage, *, before: bool) -> None:
    """Somebody sends production to the slot in the second of the write: its tasks are given back, exit 7."""
    play = fork(warm)
    at_first(play, "UpdateService", lambda: led_to_a(play), before=before)
    ended = play.run(Retire())
    assert (ended.exit_code, counts(play)) == (7, (2, 2))
    assert "somebody else sent traffic" in ended.message


def test_somebody_who_scales_it_up_again_is_not_undone(warm: Stage) -> None:
    """Tasks that somebody gives the slot after it was retired stay, exit 7."""
    play = fork(warm)
    once(play.region, lambda: counts(play)[0] == 0, lambda: update(play, "shop-a", desiredCount=1))
    assert (play.run(Retire()).exit_code, counts(play)) == (7, (1, 2))


def stranger(play: Stage) -> None:
    """Somebody makes a rule of his own that forwards to slot a."""
    a, _ = groups_of(play)
    balancer = play.region.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["LoadBalancerArn"]
    listener = play.region.aws("elbv2", "DescribeListeners", LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    path = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/old/*"]}}]
    play.region.aws(
        "elbv2", "CreateRule", ListenerArn=listener, Priority=5, Conditions=path, Actions=forward((a, 1))
    )  # fmt: skip


def elsewhere(play: Stage) -> None:
    """Somebody points a route at a group of his own."""
    modify(play.region, 20, forward((other_group(play.region), 1)))


def sick(play: Stage) -> None:
    """The live slot fails its health checks."""
    play.region.dead.add("lab/shop:2")
    play.region.pass_time(3.0)


@pytest.mark.parametrize(
    ("disturb", "exit_code"),
    [(stranger, 2), (elsewhere, 7), (lambda play: put_revision(play, "shop-b", "4"), 7), (sick, 5)],
    ids=["stranger", "elsewhere", "live updated", "live sick"],
)
def test_whoever_may_need_the_slot_keeps_it(warm: Stage, disturb: Callable[[Stage], object], exit_code: int) -> None:
    """Nothing is written where somebody may need the slot."""
    play = fork(warm)
    disturb(play)
    play.region.pass_time(2.0)
    since = len(play.region.written)
    ended = play.run(Retire())
    assert (ended.exit_code, counts(play), names(play, since)) == (exit_code, (2, 2), []), ended


@pytest.mark.parametrize(
    ("disturb", "exit_code"),
    [(stranger, 2), (elsewhere, 7), (led_to_a, 7), (lambda play: put_revision(play, "shop-b", "4"), 7)],
    ids=["stranger", "elsewhere", "led to a", "live updated"],
)
def test_a_change_between_its_looks_stops_it(warm: Stage, disturb: Callable[[Stage], object], exit_code: int) -> None:
    """What somebody changes after the first look is seen by the second, before anything is written."""
    play = fork(warm)
    since = len(play.region.written)
    once(play.region, lambda: True, lambda: disturb(play))
    ended = play.run(Retire())
    assert (ended.exit_code, counts(play), names(play, since)) == (exit_code, (2, 2), []), ended


def test_a_refusal_of_aws_ends_it(warm: Stage) -> None:
    """There is nothing to go back to: what AWS refuses, or does not answer for a minute, ends the command."""
    for code in (DENIED, THROTTLED):
        play = fork(warm)
        refuse_all(play, "UpdateService", code)
        ended = play.run(Retire())
        assert (ended.exit_code, counts(play)) == (3 if code is DENIED else 5, (2, 2)), ended


def test_a_slot_that_does_not_drain_is_named(warm: Stage) -> None:
    """Past the deadline the command ends with exit 5; the same command waits again."""
    play = fork(warm)
    a, _ = groups_of(play)
    stuck = {"TargetHealthDescriptions": [{"Target": {"Id": "10.0.0.9", "Port": 8080},
                                           "TargetHealth": {"State": "draining"}}]}  # fmt: skip

    def between(
        operation: str, params: Mapping[str, Any], reach: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        drains = operation == "DescribeTargetHealth" and params["TargetGroupArn"] == a
        return stuck if drains and counts(play)[0] == 0 else reach(params)

    play.region.between = between
    ended = play.run(Retire())
    assert (ended.exit_code, "not empty yet" in ended.message) == (5, True), ended
    play.region.between = None
    must(play, Retire())


def test_a_signal_stops_it_and_the_same_command_goes_on(warm: Stage) -> None:
    """Ctrl-C while it drains: exit 130, nothing to undo; again, and it is done."""
    play = fork(warm)
    at_first(play, "UpdateService", lambda: setattr(play.region, "signal", 2), before=False)
    assert play.run(Retire()).exit_code == 130
    play.region.signal = None
    must(play, Retire())


def test_a_newcomer_that_fails_leaves_the_slot_as_a_deployment_would(warm: Stage) -> None:
    """A deployment over a retired slot that fails puts back what the slot held, with tasks: a way back again."""
    play = must(fork(warm), Retire())
    assert on(play, "crash").run(Deploy()).exit_code == 4
    assert (state(play).a, counts(play)) == ("1.served", (2, 2))
