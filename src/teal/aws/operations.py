"""Every operation of AWS that teal asks for, in one place, and how each is paged.

The names are botocore's. `WRITES` change something. `ONCE` are those that do harm or get refused when they are sent a
second time although the first was carried out and only its answer was lost: the client never repeats them by itself;
whoever asked looks first and then decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Name = tuple[str, str]  # (service, operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How an operation hands out its pages: the token of the answer, and where the next request wants it."""

    answered_as: str
    sent_as: str


_MARKER = Paging(answered_as="NextMarker", sent_as="Marker")
_LOWER = Paging(answered_as="nextToken", sent_as="nextToken")
_UPPER = Paging(answered_as="NextToken", sent_as="NextToken")

PAGED: Mapping[Name, Paging] = MappingProxyType({
    ("application-autoscaling", "DescribeScalableTargets"): _UPPER,
    ("ecs", "ListTaskDefinitions"): _LOWER,
    ("ecs", "ListTasks"): _LOWER,
    ("elbv2", "DescribeListeners"): _MARKER,
    ("elbv2", "DescribeLoadBalancers"): _MARKER,
    ("elbv2", "DescribeRules"): _MARKER,
    ("elbv2", "DescribeTargetGroups"): _MARKER,
})  # fmt: skip

READS: frozenset[Name] = frozenset({
    *PAGED,
    ("dynamodb", "GetItem"),
    ("ecr", "BatchGetImage"),
    ("ecs", "DescribeClusters"),
    ("ecs", "DescribeServices"),
    ("ecs", "DescribeTaskDefinition"),
    ("ecs", "DescribeTasks"),
    ("elbv2", "DescribeTags"),
    ("elbv2", "DescribeTargetGroupAttributes"),
    ("elbv2", "DescribeTargetHealth"),
    ("logs", "GetLogEvents"),
    ("s3", "GetObject"),
    ("s3", "ListObjectsV2"),
    ("sts", "GetCallerIdentity"),
})  # fmt: skip

ONCE: frozenset[Name] = frozenset({
    ("ecs", "CreateService"),
    ("ecs", "RegisterTaskDefinition"),
    ("elbv2", "CreateRule"),
    # Absolute, and yet: sent again by itself seconds later, it would land on top of what somebody wrote meanwhile.
    ("elbv2", "ModifyListener"),
    ("elbv2", "ModifyRule"),
})  # fmt: skip

WRITES: frozenset[Name] = frozenset({
    *ONCE,
    ("ecs", "TagResource"),
    ("ecs", "UpdateService"),
    ("elbv2", "AddTags"),
    ("elbv2", "CreateTargetGroup"),
    ("elbv2", "DeleteRule"),
    ("elbv2", "ModifyTargetGroupAttributes"),
})  # fmt: skip

# What keeps the lock itself: under a condition, hence harmless when sent twice, and never under the lock's own guard.
# And the journal beside it: whole, hence harmless as well.
LOCKING: frozenset[Name] = frozenset({
    ("dynamodb", "PutItem"),
    ("s3", "PutObject"),
})  # fmt: skip

OPERATIONS: frozenset[Name] = READS | WRITES | LOCKING
