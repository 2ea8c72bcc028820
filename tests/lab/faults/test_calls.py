"""What becomes of API calls: from the seed and the count alone, and AWS's buckets to the token."""

from typing import Any, cast

import pytest

from teal.errors import UsageError
from teal.lab.faults.buckets import Levels, buckets_of
from teal.lab.faults.calls import CallFault, fate_of
from teal.lab.faults.chance import draw, hits, pick
from teal.lab.faults.kinds import KINDS, OfCalls, as_fault, as_plain, sentence
from teal.lab.front import Catalogue
from teal.lab.world.ecs import OPERATIONS

# plain fault → calls (service, operation) → what becomes of each
FATES: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "lose-answers"}, "elbv2 ModifyRule", "lost"),
    ({"kind": "lose-answers", "api": "ecs"}, "elbv2 ModifyRule", ""),
    ({"kind": "lose-answers", "operation": "Modify*"}, "elbv2 ModifyRule", "lost"),
    ({"kind": "lose-answers", "operation": "Describe*"}, "elbv2 ModifyRule", ""),
    ({"kind": "garble-answers"}, "ecs DescribeServices", "garbled"),
    ({"kind": "delay-answers", "by_s": 2.5}, "ecs DescribeServices", "2.5 s"),
    ({"kind": "error-answers"}, "ecs DescribeServices", "ServiceUnavailable 503"),
    ({"kind": "error-answers", "status": 500}, "ecs UpdateService", "InternalFailure 500"),
    ({"kind": "stale-reads"}, "ecs UpdateService", ""),
    ({"kind": "stale-reads"}, "ecs DescribeServices", "old"),
    ({"kind": "throttle-api"}, "ecs DescribeServices", ""),
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "tea"}, "no kind"),
    ({}, "no kind"),
    ({"kind": "kill-task", "share_percent": 3.0}, "unknown field --share$"),
    ({"kind": "lose-answers", "share_percent": 0}, "> 0.0 - at --share$"),
    ({"kind": "lose-answers", "share_percent": 101}, "<= 100"),
    ({"kind": "error-answers", "status": 404}, "404"),
    ({"kind": "edit"}, "missing required field --what$"),
    ({"kind": "edit", "what": "tea"}, "tea"),
    ({"kind": "stale-reads", "age_s": "5"}, "str` - at --age$"),
]
# calls at once → how many pass, and how many more a second later
BUCKETS = [
    ("ecs", "RegisterTaskDefinition", 100.0, 20, 1),
    ("ecs", "UpdateService", 100.0, 50, 5),
    ("ecs", "DescribeServices", 50.0, 50, 10),
    ("elbv2", "ModifyRule", 100.0, 20, 3),
    ("elbv2", "DescribeRules", 100.0, 40, 10),
    ("elbv2", "RegisterTargets", 100.0, 20, 4),
    ("elbv2", "CreateLoadBalancer", 100.0, 10, 0),
    ("elbv2", "ModifyRule", 1.0, 1, 0),  # never without room for one token
    ("sts", "GetCallerIdentity", 100.0, 100, 100),
]


def at_work(plain: dict[str, Any], seed: int = 1) -> CallFault:
    """Let a fault of calls begin."""
    return CallFault(fault=cast("OfCalls", as_fault(plain)), seed=seed)


def told(plain: dict[str, Any], call: str) -> str:
    """Say what becomes of one call under one fault."""
    service, _, operation = call.partition(" ")
    fate = fate_of([at_work(plain)], service, operation, 0.0)
    refused = f"{fate.refused.code} {fate.refused.status}" if fate.refused else ""
    flags = [name for name, set_ in (("lost", fate.lost), ("garbled", fate.garbled), ("old", fate.age_s > 0)) if set_]
    return " ".join([*flags, *([f"{fate.delay_s:g} s"] if fate.delay_s else []), refused]).strip()


@pytest.mark.parametrize(("plain", "call", "expected"), FATES)
def test_one_fault_and_one_call(plain: dict[str, Any], call: str, expected: str) -> None:
    """Each kind does its own thing, to the calls that it is about and to no others."""
    assert told(plain, call) == expected


def test_the_same_seed_hits_the_same_calls() -> None:
    """A share is met, another seed hits others, and a replay hits the same ones."""

    def struck(seed: int) -> list[bool]:
        fault = at_work({"kind": "lose-answers", "share_percent": 20}, seed)
        return [fate_of([fault], "ecs", "RunTask", float(now)).lost for now in range(1000)]

    assert struck(1) == struck(1) != struck(2)
    assert 160 < sum(struck(1)) < 240
    assert [hits(7, count, 100.0) for count in range(50)] == [True] * 50


def test_faults_add_up() -> None:
    """Delays add up, the first refusal stands, and each fault counts for itself."""
    plain: list[dict[str, Any]] = [
        {"kind": "delay-answers"},
        {"kind": "delay-answers"},
        {"kind": "error-answers", "status": 500},
    ]
    faults = [at_work(each) for each in (*plain, {"kind": "error-answers"})]
    fate = fate_of(faults, "ecs", "RunTask", 0.0)
    assert fate.delay_s == 2.0
    assert fate.refused is not None
    assert fate.refused.status == 500
    assert [each.count for each in faults] == [1, 1, 1, 1]


@pytest.mark.parametrize(("plain", "part"), WRONG)
def test_what_is_no_fault_is_named(plain: dict[str, Any], part: str) -> None:
    """A wrong kind, field or value is refused with what there is instead, by the options of the command line."""
    with pytest.raises(UsageError, match=part) as error:
        as_fault(plain)
    assert error.value.hint
    assert "_" not in f"{error.value} {error.value.hint}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_survives_its_plain_values(kind: str) -> None:
    """Every kind can be written down and read again, and says in one line how it differs from the usual."""
    needed = {"what": "weights"} if kind == "edit" else {}
    fault = as_fault({"kind": kind, **needed})
    assert as_fault(as_plain(fault)) == fault
    assert sentence(fault).split()[0] == kind


@pytest.mark.parametrize(("service", "operation", "rate", "burst", "later"), BUCKETS)
def test_buckets(service: str, operation: str, rate: float, burst: int, later: int) -> None:
    """A full bucket lets a burst pass, and a second later what a second brings."""
    levels = Levels(rate_percent=rate)
    assert sum(levels.take(service, operation, 0.0) is None for _ in range(100)) == burst
    assert sum(levels.take(service, operation, 1.0) is None for _ in range(100)) == later


def test_elbv2_has_one_bucket_for_all() -> None:
    """Reads and writes of ELBv2 take from the account's bucket too; those of ECS do not share one."""
    levels = Levels()
    assert all(levels.take("elbv2", "ModifyRule", 0.0) is None for _ in range(20))
    assert sum(levels.take("elbv2", "DescribeRules", 0.0) is None for _ in range(40)) == 20
    assert levels.take("elbv2", "DescribeRules", 0.0) == "elbv2 account"
    assert levels.take("ecs", "DescribeServices", 0.0) is None


def test_a_clock_that_goes_back_fills_no_bucket() -> None:
    """Time that runs backwards neither adds nor takes tokens."""
    levels = Levels()
    assert sum(levels.take("ecs", "RegisterTaskDefinition", 100.0) is None for _ in range(30)) == 20
    assert levels.take("ecs", "RegisterTaskDefinition", 50.0) is not None


def test_every_operation_of_ecs_that_the_lab_has_is_in_a_bucket_or_unpublished() -> None:
    """What no bucket knows is what AWS publishes no bucket for; names in the table are AWS's."""
    without = {name for name in OPERATIONS if not buckets_of("ecs", name)}
    assert without <= {"CreateCluster", "DeleteCluster", "StopServiceDeployment"}
    model = Catalogue().service("ecs")
    assert model is not None
    assert model.operation("DescribeServiceRevisions") is not None


def test_chance() -> None:
    """Draws are spread over 0 to 1, and nothing is picked of nothing."""
    drawn = [draw(1, count) for count in range(1000)]
    assert all(0 <= each < 1 for each in drawn)
    assert 0.45 < sum(drawn) / 1000 < 0.55
    assert pick([], 1, 1) is None
    assert {pick("abc", 1, count) for count in range(50)} == set("abc")
