"""AWS that is busy, denies, loses an answer, answers late or with what was true before: none of it misleads a run."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as ThreadEvent
from typing import Any, TypeVar

import pytest

from execute.disturbing import DENIED, DOWN, THROTTLED, Code, Params, names, refuse_all, refused, rule_arn, served_twice
from lives import answers, fork, judged, killed, on, rest, state, watched
from region import Reach, Stage
from teal.aws.operations import ONCE
from teal.errors import TransientError
from teal.execute.executor import Executor
from teal.host.clock import SystemClock
from teal.host.gather import PatientGather
from teal.model.event import Noted, RunEnded, RunStarted
from teal.model.identity import Caller
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback, Run
from teal.plan.situation import Row
from teal.ports import Account

T = TypeVar("T")


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: slot b serves 2, slot a is warm with 1."""
    return rest(served_twice(tmp_path_factory.mktemp("app")))


@pytest.fixture(name="two")
def own_copy(resting: Stage) -> Stage:
    """Return the same app for one test alone."""
    return fork(resting)


@pytest.fixture(name="half")
def half_way(two: Stage) -> Stage:
    """3 has 50 % of both routes, and its run is dead."""
    return killed(on(two, "3"), Deploy(), ("ModifyRule", 4))


# Reads that a way back can do without

NOT_NEEDED = (
    "DescribeScalableTargets",
    "GetCallerIdentity",
    "ListTaskDefinitions",
    "DescribeTaskDefinition",
    "DescribeTasks",
    "ListTasks",
    "DescribeTargetHealth",
)


@pytest.mark.parametrize("code", [DENIED, DOWN])
@pytest.mark.parametrize("operation", NOT_NEEDED)
def test_a_rollback_at_rest_does_without(two: Stage, operation: str, code: Code) -> None:
    """A read that is not on the way back may be denied or down for ever: the rollback is done all the same, at once."""
    refuse_all(two, operation, code)
    began_s = two.region.now_s
    ended = two.run(Rollback())
    two.region.before_call = None
    assert (ended.exit_code, str(state(two))) == (0, "20: 100 100 | a.b.back | 1.served | 2.back")
    assert two.region.now_s - began_s < 10.0


@dataclass(slots=True)
class Silent:
    """An account that does not say whose credentials these are before production has gone back."""

    account: Account
    wrote: ThreadEvent
    in_vain: int = 0

    def caller(self) -> Caller:
        """Answer late."""
        self.in_vain += not self.wrote.wait(30.0)
        return self.account.caller()

    def scalable(self, cluster: str, services: Sequence[str]) -> frozenset[str]:
        """Answer."""
        return self.account.scalable(cluster, services)


def test_the_first_write_does_not_wait_for_who_the_caller_is(two: Stage) -> None:
    """With STS silent a rollback waits two seconds, beside its other reads, and then writes."""
    wrote, patient = ThreadEvent(), PatientGather(SystemClock())
    two.region.after_call = lambda _, operation, __: wrote.set() if operation == "ModifyRule" else None
    silent = Silent(two.ports().account, wrote)

    def one_by_one(calls: Sequence[Callable[[], T]], patience_s: float) -> list[T | None]:
        return [answer for call in calls for answer in patient([call], patience_s)]

    ports = replace(two.ports(), account=silent, within=one_by_one)
    run = Run(id="d1", secrets={}, started_at_s=two.region.now_s)
    rollback = Executor(
        spec=two.spec, ports=ports, intent=Rollback(), run=run, command="rollback", approve=lambda _, __: True
    )
    ended = list(rollback.events())[-1]
    two.region.after_call = None
    assert isinstance(ended, RunEnded)
    assert (ended.exit_code, state(two).serves, silent.in_vain) == (0, "a", 0), ended


def test_a_run_whose_credentials_are_refused_is_on_record_as_one(two: Stage) -> None:
    """Whatever ends a run, its first event names it, so that each line of the journal belongs to a run."""
    refuse_all(two, "GetCallerIdentity", DENIED)
    began, ended = two.events(Flip())
    assert isinstance(began, RunStarted)
    assert isinstance(ended, RunEnded)
    assert (began.account, ended.exit_code) == ("unknown", 3)


@pytest.mark.parametrize("code", [DENIED, DOWN])
@pytest.mark.parametrize("operation", ["DescribeServices", "DescribeClusters"])
def test_weights_go_back_while_ecs_is_down(two: Stage, operation: str, code: Code) -> None:
    """Without ECS the weights still go back, within seconds; the run names the tag that it could not write."""
    refuse_all(two, operation, code)
    began_s = two.region.now_s
    ended = two.run(Rollback())
    two.region.before_call = None
    assert state(two).serves == "a"
    assert two.region.now_s - began_s < 30.0
    assert ended.exit_code == 0 or (ended.exit_code == 5 and "is outstanding" in ended.message), ended
    assert two.run(Rollback()).exit_code == 0
    assert state(two).row == Row.ROLLED_BACK


@pytest.mark.parametrize("code", [DENIED, DOWN])
@pytest.mark.parametrize("operation", ["DescribeServices", "TagResource"])
def test_weights_go_back_while_ecs_is_down_and_a_write_is_throttled(two: Stage, operation: str, code: Code) -> None:
    """The first route's first write is throttled and ECS cannot record that: the weights go back within seconds."""
    began_s, back_s, left = two.region.now_s, 0.0, 1

    def before(service: str, called: str, _: Params) -> None:
        nonlocal left
        if called == operation:
            raise refused(f"{service}:{called}", code)
        if called == "ModifyRule" and left:
            left -= 1
            raise refused("elbv2:ModifyRule", THROTTLED)

    def after(_: str, called: str, __: Params) -> None:
        nonlocal back_s
        if called == "ModifyRule":
            back_s = two.region.now_s - began_s

    two.region.before_call, two.region.after_call = before, after
    ended = two.run(Rollback())
    two.region.before_call = two.region.after_call = None
    assert (state(two).serves, left) == ("a", 0), ended
    assert 0.0 < back_s < 15.0
    assert ended.exit_code == 5
    assert "record that slot b was taken back" in ended.message
    assert two.run(Rollback()).exit_code == 0
    assert state(two).row == Row.ROLLED_BACK


def busy_glances(play: Stage, seconds: float, *, from_write: int = 0) -> list[float]:
    """Let looks take long, and the read right before a write be throttled for a while; return when it was."""
    region, last = play.region, ""
    writes = 0
    throttled: list[float] = []

    def before(_: str, operation: str, __: Params) -> None:
        nonlocal last, writes
        region.now_s += 0.25
        writes += operation == "ModifyRule"
        due = operation == "DescribeRules" and last == "DescribeTags" and writes >= from_write
        if due and (not throttled or region.now_s - throttled[0] < seconds):
            throttled.append(region.now_s)
            raise refused("elbv2:DescribeRules", THROTTLED)
        last = operation

    region.before_call = before
    return throttled


@pytest.mark.parametrize("intent", [Rollback(), Abort()])
def test_a_way_back_does_not_wait_for_a_throttled_read(half: Stage, intent: Intent) -> None:
    """The read right before a write is throttled for an hour: the weights go back within seconds."""
    throttled = busy_glances(half, 3600.0)
    began_s, shares = half.region.now_s, ""

    def after(_: str, operation: str, __: Params) -> None:
        nonlocal shares
        if operation == "ModifyRule":
            shares += f"{half.region.now_s - began_s < 15.0} "

    half.region.after_call = after
    assert half.run(intent).exit_code == 0
    half.region.before_call = None
    assert throttled
    assert (shares, state(half).row) == ("True True ", Row.ROLLED_BACK)


def test_a_deployment_waits_a_throttled_read_out(two: Stage) -> None:
    """The same in the middle of a shift: 20 s of throttling are waited out, and the deployment goes on to its end."""
    play = on(two, "3")
    throttled = busy_glances(play, 20.0, from_write=2)
    assert play.run(Deploy()).exit_code == 0
    play.region.before_call = None
    assert len(throttled) > 10
    assert str(state(play)) == "18: 100 100 | b.a.done | 3.served | 2.served"


# Writes


def busy(play: Stage, operation: str, nth: int, seconds: float, *, priority: int | None = None) -> None:
    """Let the n-th and all later calls of a write be throttled, until so many seconds after the first of these."""
    arn = rule_arn(play.region, priority) if priority is not None else ""
    count, since_s = 0, 0.0

    def before(service: str, called: str, params: Params) -> None:
        nonlocal count, since_s
        if called != operation or (arn and params["RuleArn"] != arn):
            return
        count += 1
        since_s = play.region.now_s if count == nth else since_s
        if count >= nth and play.region.now_s - since_s < seconds:
            raise refused(f"{service}:{called}", THROTTLED)

    play.region.before_call = before


FORWARD = [("ModifyRule", 2, 20), ("ModifyRule", 2, 30), ("AddTags", 3, None)]


@pytest.mark.parametrize(("operation", "nth", "priority"), FORWARD)
def test_a_busy_write_is_tried_for_a_minute(two: Stage, operation: str, nth: int, priority: int | None) -> None:
    """Throttled for 40 s in the middle of a shift, a weight or its tag is written in the end: exit 0."""
    play = on(two, "3")
    busy(play, operation, nth, 40.0, priority=priority)
    production = watched(play)
    assert play.run(Deploy()).exit_code == 0
    assert production.failures == ()
    assert str(state(play)) == "18: 100 100 | b.a.done | 3.served | 2.served"


@pytest.mark.parametrize(("operation", "nth", "priority"), FORWARD)
def test_a_write_that_stays_busy_goes_back(two: Stage, operation: str, nth: int, priority: int | None) -> None:
    """Throttled for longer than a minute, production goes back to blue, unsplit, and nobody is judged: exit 4."""
    play = on(two, "3")
    busy(play, operation, nth, 100.0, priority=priority)
    assert play.run(Deploy()).exit_code == 4
    play.region.before_call = None
    assert str(state(play)) == "20: 0 0 | b.a.back | 3.back | 2.served"
    assert judged(play) == set()


def test_a_rollback_outlasts_throttling(half: Stage) -> None:
    """Minutes of throttling of one route: the other one is back at once, that one as soon as AWS lets it."""
    busy(half, "ModifyRule", 1, 300.0, priority=20)
    assert half.run(Rollback()).exit_code == 0
    half.region.before_call = None
    assert state(half).row == Row.ROLLED_BACK


def test_a_stale_read_is_not_drift(two: Stage) -> None:
    """A read that shows what was before a write of the run, after one that showed the write, is not news: exit 0."""
    play = on(two, "3")
    old: dict[str, Any] = {}
    looks, stale = 0, 0
    weights = play.region.calls["elbv2:ModifyRule"]

    def between(operation: str, params: Params, reach: Reach) -> dict[str, Any]:
        nonlocal old, looks, stale
        result = reach(params)
        written = play.region.calls["elbv2:ModifyRule"] - weights
        if operation != "DescribeRules" or written > 2:
            return result
        if written < 2:
            old = deepcopy(result)
            return result
        looks += 1
        stale += looks in {2, 4}
        return deepcopy(old) if looks in {2, 4} else result

    play.region.between = between
    ended = play.run(Deploy())
    assert (stale, ended.exit_code) == (2, 0)
    assert str(state(play)) == "18: 100 100 | b.a.done | 3.served | 2.served"


@pytest.mark.parametrize("operation", ["ModifyRule", "ModifyListener"])
def test_a_weight_is_never_sent_again_behind_the_back(operation: str) -> None:
    """The SDK sends a weight once: sent again by itself it might land on top of somebody's rollback."""
    assert ("elbv2", operation) in ONCE


@pytest.mark.parametrize(("shift", "at_write"), [('["100%"]', 1), ('["10% for 2m", "100%"]', 3)])
def test_a_forward_write_that_lands_after_a_rollback_is_undone(tmp_path: Path, shift: str, at_write: int) -> None:
    """A person rolls back while a weight is on its way: the run that wrote it takes it back, exit 4."""
    play = on(rest(served_twice(tmp_path, shift=shift)), "3")
    person: list[int] = []
    writes = 0

    def before(_: str, operation: str, __: Params) -> None:
        nonlocal writes
        writes += operation == "ModifyRule"
        if operation == "ModifyRule" and writes == at_write and not person:
            person.append(play.run(Rollback()).exit_code)

    play.region.before_call = before
    ended = play.run(Deploy())
    play.region.before_call = None
    assert (person, ended.exit_code) == ([0], 4)
    assert str(state(play)) == "20: 0 0 | b.a.back | 3.back | 2.served"
    assert answers(play.region)


# Writes that matter less


def test_a_mark_that_is_refused_is_a_note(half: Stage) -> None:
    """The verdict's tag on the task definition is denied: the rollback is done, exit 0, and says so."""

    def before(_: str, operation: str, params: Params) -> None:
        if operation == "TagResource" and "task-definition" in params["resourceArn"]:
            raise refused("ecs:TagResource", ("InvalidParameterException", 400))

    half.region.before_call = before
    events = half.events(Rollback())
    assert events[-1].exit_code == 0  # type: ignore[union-attr]  # the last event is RunEnded
    assert [event.message for event in events if isinstance(event, Noted) and "could not be marked" in event.message]
    assert state(half).row == Row.ROLLED_BACK
    assert half.run(Rollback()).exit_code == 0


def test_a_revision_whose_answer_got_lost_is_found(two: Stage) -> None:
    """RegisterTaskDefinition succeeds and its answer is lost: it is looked up, not registered a second time."""
    play = on(two, "3")
    since, lost = len(play.region.written), 0

    def after(_: str, operation: str, __: Params) -> None:
        nonlocal lost
        if operation == "RegisterTaskDefinition" and not lost:
            lost += 1
            raise TransientError("read timeout", code="ReadTimeoutError", operation="ecs:RegisterTaskDefinition")

    play.region.after_call = after
    ended = play.run(Deploy())
    assert (lost, ended.exit_code) == (1, 0)
    assert names(play, since).count("RegisterTaskDefinition") == 1


# What AWS makes of a task definition


def odd_sizes(play: Stage) -> Stage:
    """Configure sizes in words, which AWS answers as numbers; and let it fill in what nobody knows yet."""
    changed = on(play, "3")
    body = changed.spec.task_definition
    containers = [{**each, "healthCheck": {"command": ["CMD-SHELL", "true"]}} for each in body["containerDefinitions"]]
    wanted = {**body, "cpu": ".25 vCPU", "memory": "0.5 GB", "containerDefinitions": containers}

    def between(operation: str, params: Params, reach: Reach) -> dict[str, Any]:
        numbers = {"cpu": "256", "memory": "512"} if operation == "RegisterTaskDefinition" else {}
        result = reach({**params, **numbers})
        found = result.get("taskDefinition")
        if not isinstance(found, Mapping):
            return result
        made = [{**each, "newNextYear": {"mode": "auto"}} for each in found["containerDefinitions"]]
        return {**result, "taskDefinition": {**found, "containerDefinitions": made}}

    changed.region.between = between
    return replace(changed, spec=replace(changed.spec, task_definition=wanted))


def test_a_run_knows_its_own_deployment_again(two: Stage) -> None:
    """Whatever AWS makes of the body, the deployment ends, and the same command again finds nothing to do."""
    play = odd_sizes(two)
    assert play.run(Deploy()).exit_code == 0
    since = len(play.region.written)
    again = play.run(Deploy())
    assert (again.exit_code, names(play, since)) == (0, [])
    assert "nothing to do" in again.message
