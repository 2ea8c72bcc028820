"""Targets: the states of their lives, and who may change them."""

from typing import Any, Literal

import pytest

from lab.world.shop import NOW_S, Shop
from teal.lab.world.elbv2 import Balancers
from teal.lab.world.ground import Ground
from teal.lab.world.wires import TargetSeen

ONE = ("10.7.1.10", 8080)
DIAL = ("127.7.1.10", 31000)


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop with a time scale of 0.1."""
    return Shop(balancers=Balancers(Ground(time_scale=0.1)))


def health(shop: Shop, group: str = "a", **params: object) -> list[tuple[str, str, str, str]]:
    """Return (target, state, reason, description) of the targets of a group."""
    answer = shop.call("DescribeTargetHealth", TargetGroupArn=shop.arns[group], **params)
    return [
        (
            f"{found['Target']['Id']}:{found['Target']['Port']}",
            found["TargetHealth"]["State"],
            found["TargetHealth"].get("Reason", ""),
            found["TargetHealth"].get("Description", ""),
        )
        for found in answer["TargetHealthDescriptions"]
    ]


def see(
    shop: Shop,
    state: Literal["initial", "healthy", "unhealthy"],
    reason: str = "",
    description: str = "",
    group: str = "a",
) -> None:
    """Let the data plane report about the first target."""
    seen = TargetSeen(
        group_arn=shop.arns[group],
        target_id=ONE[0],
        port=ONE[1],
        state=state,
        reason=reason,
        description=description,
    )
    shop.balancers.observe(seen, shop.now_s)


def test_a_target_is_initial_until_it_is_seen_healthy(shop: Shop) -> None:
    """Registration, first checks, healthy, unhealthy: with AWS's reasons and descriptions, healthy with none."""
    shop.balancers.register(shop.arns["a"], ONE, DIAL, NOW_S)
    states = [health(shop)[0][1:]]
    see(shop, "initial")
    states.append(health(shop)[0][1:])
    see(shop, "healthy")
    states.append(health(shop)[0][1:])
    see(shop, "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]")
    states.append(health(shop)[0][1:])
    see(shop, "unhealthy")
    states.append(health(shop)[0][1:])
    assert states == [
        ("initial", "Elb.RegistrationInProgress", "Target registration is in progress"),
        ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress"),
        ("healthy", "", ""),
        ("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"),
        ("unhealthy", "Target.FailedHealthChecks", "Health checks failed"),
    ]


def test_a_target_is_unused_while_no_rule_uses_its_group(shop: Shop) -> None:
    """Unused outside of rules whatever the data plane says, initial from the moment that a rule uses the group."""
    arn = shop.arns["b"]
    words = "Target group is not configured to receive traffic from the load balancer"
    unused = (f"{ONE[0]}:{ONE[1]}", "unused", "Target.NotInUse", words)
    shop.balancers.register(arn, ONE, DIAL, NOW_S)
    see(shop, "healthy", group="b")
    assert health(shop, "b") == [unused]
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=1, b=0)])
    assert health(shop, "b")[0][1:3] == ("initial", "Elb.RegistrationInProgress")
    see(shop, "healthy", group="b")
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=1)])
    assert health(shop, "b") == [unused]
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(b=1)])
    assert health(shop, "b")[0][1] == "initial"


def test_a_target_drains_for_the_whole_delay(shop: Shop) -> None:
    """Draining lasts the scaled deregistration delay, whatever is reported; then the target is gone."""
    arn = shop.arns["a"]
    shop.balancers.register(arn, ONE, DIAL, NOW_S)
    see(shop, "healthy")
    shop.balancers.deregister(arn, ONE, NOW_S)
    see(shop, "healthy")
    words = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    assert health(shop)[0][1:] == words
    assert shop.balancers.target_state(arn, ONE, NOW_S + 29.9) == "draining"
    shop.balancers.deregister(arn, ONE, NOW_S + 29.9)
    assert shop.balancers.target_state(arn, ONE, NOW_S + 30.0) is None
    shop.now_s = NOW_S + 30.0
    assert health(shop) == []


def test_the_delay_may_be_nothing(shop: Shop) -> None:
    """With a delay of 0, and in a group that no rule uses, a deregistered target is gone at once."""
    pairs = [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    shop.call("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["a"], Attributes=pairs)
    for group in ("a", "b"):
        shop.balancers.register(shop.arns[group], ONE, DIAL, NOW_S)
        shop.balancers.deregister(shop.arns[group], ONE, NOW_S)
        assert shop.balancers.target_state(shop.arns[group], ONE, NOW_S) is None


def finishing(shop: Shop, at_s: float) -> tuple[tuple[str, int], ...]:
    """Return where open requests to targets that are gone may still finish."""
    shop.balancers.advance(at_s)
    return shop.balancers.data_plane().groups[0].finishing


@pytest.mark.parametrize(("delay_s", "until_s"), [(300, 30.0), (100, 10.0), (60, 8.0), (5, 5.0)])
def test_open_requests_may_last_for_the_delay(shop: Shop, delay_s: int, until_s: float) -> None:
    """Open requests are cut off at the end of the scaled delay, but not before 8 s, or the real delay if less."""
    pairs = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(delay_s)}]
    shop.call("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["a"], Attributes=pairs)
    shop.balancers.register(shop.arns["a"], ONE, DIAL, NOW_S)
    shop.balancers.deregister(shop.arns["a"], ONE, NOW_S)
    assert finishing(shop, NOW_S + until_s - 0.1) == (DIAL,)
    assert finishing(shop, NOW_S + until_s) == ()


def test_a_target_that_comes_back_keeps_its_open_requests(shop: Shop) -> None:
    """Registered again while it drains, a target is not cut off."""
    shop.balancers.register(shop.arns["a"], ONE, DIAL, NOW_S)
    shop.balancers.deregister(shop.arns["a"], ONE, NOW_S)
    shop.balancers.register(shop.arns["a"], ONE, DIAL, NOW_S)
    assert finishing(shop, NOW_S + 1) == ()
    assert [target.host_port for target in shop.balancers.data_plane().groups[0].targets] == [DIAL[1]]


def test_a_draining_target_that_comes_back_begins_anew(shop: Shop) -> None:
    """Registered while it drains, a target is initial; registered while it is there, it stays as it is."""
    arn = shop.arns["a"]
    shop.balancers.register(arn, ONE, DIAL, NOW_S)
    see(shop, "healthy")
    shop.balancers.register(arn, ONE, DIAL, NOW_S)
    assert shop.balancers.target_state(arn, ONE, NOW_S) == "healthy"
    shop.balancers.deregister(arn, ONE, NOW_S)
    shop.balancers.register(arn, ONE, DIAL, NOW_S)
    assert shop.balancers.target_state(arn, ONE, NOW_S + 60) == "initial"


def test_targets_are_told_apart_by_address_and_port(shop: Shop) -> None:
    """One address serves two ports; the group's own port is the default."""
    arn = shop.arns["a"]
    sent = [{"Id": ONE[0]}, {"Id": ONE[0], "Port": 9000}]
    shop.call("RegisterTargets", TargetGroupArn=arn, Targets=sent)
    assert [target for target, *_ in health(shop)] == ["10.7.1.10:8080", "10.7.1.10:9000"]
    shop.call("DeregisterTargets", TargetGroupArn=arn, Targets=sent[:1])
    assert [state for _, state, *_ in health(shop)] == ["draining", "initial"]


def test_unregistered_targets_can_be_asked_for(shop: Shop) -> None:
    """A named target that is not registered is unused; deregistering it succeeds."""
    found = health(shop, Targets=[{"Id": "10.7.1.99", "Port": 1}])
    assert found == [("10.7.1.99:1", "unused", "Target.NotRegistered", "Target is not registered to the target group")]
    assert shop.call("DeregisterTargets", TargetGroupArn=shop.arns["a"], Targets=[{"Id": "10.7.1.99"}]) == {}


def test_ecs_learns_why_a_target_is_unhealthy(shop: Shop) -> None:
    """The reason is that of DescribeTargetHealth; there is none for a target, or a group, that is not there."""
    shop.balancers.register(shop.arns["a"], ONE, DIAL, NOW_S)
    see(shop, "unhealthy", "Target.Timeout", "Request timed out")
    assert shop.balancers.target_reason(shop.arns["a"], ONE) == "Request timed out"
    assert shop.balancers.target_reason(shop.arns["b"], ONE) == ""
    assert shop.balancers.target_reason("arn:none", ONE) == ""


def test_a_described_target_has_its_place(shop: Shop) -> None:
    """Zone, checked port and override are answered; anomaly detection when asked for."""
    shop.call("ModifyTargetGroup", TargetGroupArn=shop.arns["a"], HealthCheckPort="9999")
    shop.call("RegisterTargets", TargetGroupArn=shop.arns["a"], Targets=[{"Id": "10.7.17.5"}])
    answer = shop.call("DescribeTargetHealth", TargetGroupArn=shop.arns["a"], Include=["All"])
    (found,) = answer["TargetHealthDescriptions"]
    assert found["Target"] == {"Id": "10.7.17.5", "Port": 8080, "AvailabilityZone": "eu-west-1b"}
    assert (found["HealthCheckPort"], found["AdministrativeOverride"]["State"]) == ("9999", "no_override")
    assert found["AnomalyDetection"] == {"Result": "normal", "MitigationInEffect": "no"}


WRONG: list[tuple[list[dict[str, Any]], str]] = [
    ([{"Id": "8.8.8.8"}], "ValidationError"),
    ([{"Id": "10.8.0.1"}], "ValidationError"),
    ([{"Id": "i-0123456789abcdef0"}], "ValidationError"),
    ([{"Id": "10.7.1.1"}, {"Id": "10.7.1.300"}], "ValidationError"),
    ([{"Id": f"10.7.{n // 250}.{n % 250}"} for n in range(1001)], "TooManyTargets"),
]


@pytest.mark.parametrize(("targets", "code"), WRONG)
def test_wrong_targets_are_refused(shop: Shop, targets: list[dict[str, Any]], code: str) -> None:
    """Addresses outside the VPC, instances in a group of addresses, too many: refused, and none registered."""
    assert shop.refusal("RegisterTargets", TargetGroupArn=shop.arns["a"], Targets=targets).code == code
    assert health(shop) == []


def test_there_are_no_instances(shop: Shop) -> None:
    """An instance cannot be registered by hand, for the lab has none."""
    wanted = {"Protocol": "HTTP", "Port": 80, "VpcId": "vpc-lab", "TargetType": "instance"}
    arn = shop.create("CreateTargetGroup", Name="instances", **wanted)["TargetGroupArn"]
    assert shop.balancers.group_type(arn) == "instance"
    assert shop.refusal("RegisterTargets", TargetGroupArn=arn, Targets=[{"Id": "i-1"}]).code == "InvalidTarget"


def test_reports_about_strangers_change_nothing(shop: Shop) -> None:
    """A report about a target or group that is not there is dropped."""
    see(shop, "healthy")
    shop.balancers.deregister("arn:x", ONE, NOW_S)
    assert health(shop) == []
    assert shop.balancers.target_state("arn:x", ONE, NOW_S) is None


def test_the_story_tells_each_change_once() -> None:
    """Registration, each new health and the end of draining are lines of the story; repeated reports are not."""
    ground = Ground()
    shop = Shop(balancers=Balancers(ground))
    ground.events.clear()
    shop.balancers.register(shop.arns["a"], ONE, DIAL, NOW_S)
    for _ in range(3):
        see(shop, "healthy")
    shop.balancers.deregister(shop.arns["a"], ONE, NOW_S)
    shop.balancers.advance(NOW_S + 300)
    assert [(event.source, event.message) for event in ground.events] == [
        ("elbv2", "target 10.7.1.10:8080 registered"),
        ("target", "healthy"),
        ("elbv2", "target 10.7.1.10:8080 deregistered, drains for 300 s"),
        ("elbv2", "target 10.7.1.10:8080 is gone"),
    ]
