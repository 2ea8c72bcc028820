"""The quotas of Application Load Balancers: what DescribeAccountLimits answers is what is enforced."""

from collections.abc import Mapping

from teal.lab.world.wires import AwsRefusal

BALANCERS = "application-load-balancers"
CERTIFICATES = "certificates-per-application-load-balancer"
CONDITION_VALUES = "condition-values-per-alb-rule"
CONDITION_WILDCARDS = "condition-wildcards-per-alb-rule"
GROUPS = "target-groups"
GROUPS_PER_ACTION = "target-groups-per-action-on-application-load-balancer"
GROUPS_PER_BALANCER = "target-groups-per-application-load-balancer"
LISTENERS = "listeners-per-application-load-balancer"
RULES = "rules-per-application-load-balancer"
TARGETS_PER_BALANCER = "targets-per-application-load-balancer"
TARGETS_PER_GROUP = "targets-per-target-group"

LIMITS: Mapping[str, int] = {
    BALANCERS: 50,
    CERTIFICATES: 25,
    CONDITION_VALUES: 5,
    CONDITION_WILDCARDS: 6,
    GROUPS: 3000,
    GROUPS_PER_ACTION: 5,
    GROUPS_PER_BALANCER: 100,
    LISTENERS: 50,
    RULES: 100,
    TARGETS_PER_BALANCER: 1000,
    TARGETS_PER_GROUP: 1000,
}


def check_limit(limit: str, count: int, code: str, what: str) -> None:
    """Refuse a count above a quota.

    Args:
        limit: the quota's name.
        count: how many there would be.
        code: AWS's error code for this quota.
        what: the things counted, e.g. `rules on load balancer 'arn:…'`.

    Raises:
        AwsRefusal: the quota would be exceeded.
    """
    if count > LIMITS[limit]:
        raise AwsRefusal(code, f"The maximum number of {what} has been reached: {LIMITS[limit]}")
