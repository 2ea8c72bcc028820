"""What AWS, strangers and other runs do to an app while teal is at work: each is one call on a play."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lives import adopted, app, must, on
from region import Region, Stage
from teal.aws.errors import error_for
from teal.lab.front import answer
from teal.model.identity import Slot
from teal.model.run import Deploy

Code = tuple[str, int]
DENIED: Code = ("AccessDeniedException", 403)
THROTTLED: Code = ("Throttling", 400)
DOWN: Code = ("ServiceUnavailable", 503)
Params = Mapping[str, Any]


def served_twice(directory: Path, **settings: Any) -> Stage:  # noqa: ANN401 - the settings of an app
    """Return an app whose slot b serves 2, while slot a is warm with 1."""
    return must(on(adopted(on(app(directory, **settings), "1")), "2"), Deploy())


def rule_arn(region: Region, priority: int) -> str:
    """Return the ARN of a production rule."""
    balancer = region.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["LoadBalancerArn"]
    listener = region.aws("elbv2", "DescribeListeners", LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    rules = region.aws("elbv2", "DescribeRules", ListenerArn=listener)["Rules"]
    return next(str(rule["RuleArn"]) for rule in rules if rule["Priority"] == str(priority))


def refused(name: str, code: Code) -> Exception:
    """Return the error that AWS answers."""
    return error_for(name, code[0], "not now", status=code[1])


def refuse(play: Stage, priority: int, times: int, code: Code, *, passes: int = 0) -> None:
    """Let the next writes of one rule be refused, after some have passed."""
    arn, left, good = rule_arn(play.region, priority), times, passes

    def before(_: str, operation: str, params: Params) -> None:
        nonlocal left, good
        if operation != "ModifyRule" or params["RuleArn"] != arn:
            return
        if good > 0:
            good -= 1
        elif left > 0:
            left -= 1
            raise refused("elbv2:ModifyRule", code)

    play.region.before_call = before


def refuse_all(play: Stage, operation: str, code: Code) -> None:
    """Let an operation be refused for ever."""

    def before(service: str, called: str, _: Params) -> None:
        if called == operation:
            raise refused(f"{service}:{called}", code)

    play.region.before_call = before


def names(play: Stage, since: int) -> list[str]:
    """Return the writes made since."""
    return [name.partition(":")[2] for name, _ in play.region.written[since:]]


def forward(*weights: tuple[str, int]) -> list[dict[str, Any]]:
    """Return actions that forward to groups."""
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def groups_of(play: Stage) -> tuple[str, str]:
    """Return the ARNs of both slots' groups."""
    found = play.look()
    a, b = (found.slot(slot).groups[0].group for slot in Slot)
    assert a is not None
    assert b is not None
    return a.arn, b.arn


def modify(region: Region, priority: int, actions: list[dict[str, Any]]) -> None:
    """Change a rule as a stranger does."""
    region.aws("elbv2", "ModifyRule", RuleArn=rule_arn(region, priority), Actions=actions)


def other_group(region: Region, name: str = "other") -> str:
    """Create a target group as somebody else does."""
    made = region.aws(
        "elbv2",
        "CreateTargetGroup",
        Name=name,
        Protocol="HTTP",
        Port=80,
        TargetType="ip",
        VpcId=region.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["VpcId"],
    )
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def service(play: Stage, name: str) -> dict[str, Any]:
    """Return a service as ECS has it."""
    found = play.region.aws("ecs", "DescribeServices", cluster="shop", services=[name])
    return dict(found["services"][0])


def update(play: Stage, name: str, **changes: Any) -> None:  # noqa: ANN401 - fields of UpdateService
    """Update a service as a stranger does."""
    wanted = {"cluster": "shop", "service": name, **changes}
    answer(play.region.world, "ecs", "UpdateService", wanted, play.region.now_s)


def put_revision(play: Stage, name: str, image: str) -> None:
    """Let an old pipeline put a revision of its own into a service."""
    made = play.region.aws("ecs", "RegisterTaskDefinition", **on(play, image).spec.task_definition)
    update(play, name, taskDefinition=made["taskDefinition"]["taskDefinitionArn"])


def after_write(play: Stage, nth: int, act: Callable[[], object]) -> None:
    """Do something right after the n-th write of a route from now on."""
    seen = 0

    def after(_: str, operation: str, __: Params) -> None:
        nonlocal seen
        seen += operation == "ModifyRule"
        if operation == "ModifyRule" and seen == nth:
            act()

    play.region.after_call = after


def once(region: Region, due: Callable[[], bool], act: Callable[[], object]) -> None:
    """Do something in the first tick in which it is due."""
    done: list[bool] = []

    def tick() -> None:
        if not done and due():
            done.append(True)
            act()

    region.each_tick.append(tick)
