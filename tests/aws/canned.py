"""A caller with canned answers, which checks every question against AWS's own models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.loaders
import botocore.model
import botocore.validate

from teal.aws.operations import OPERATIONS

Json = dict[str, Any]
Answer = Json | Exception | Callable[[Json], Json]

ACCOUNT = "123456789012"
ELB = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}"
ECS = f"arn:aws:ecs:eu-west-1:{ACCOUNT}"
BALANCER = f"{ELB}:loadbalancer/app/shop/50dc6c495c0c9188"
LISTENER = f"{ELB}:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2"
RULE = f"{ELB}:listener-rule/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"
GROUP_A = f"{ELB}:targetgroup/shop-web/73e2d6bc24d8a067"
GROUP_B = f"{ELB}:targetgroup/shop-web-b/5f1d3c1ab2d4e6f7"


@cache
def service_model(service: str) -> botocore.model.ServiceModel:
    """Return botocore's model of a service."""
    loader = botocore.loaders.create_loader()
    return botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)


@dataclass
class Canned:
    """Answers by `service:operation`: always the same, or computed from the request; remembers what was asked."""

    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    asked: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    region: str = "eu-west-1"
    url: str = "https://sts.eu-west-1.amazonaws.com"

    def endpoint(self, service: str) -> str:
        """Return the same URL for all services."""
        assert service
        return self.url

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Json:
        """Return the canned answer, or raise it."""
        assert (service, operation) in OPERATIONS, "an operation that operations.py does not list"
        shape = service_model(service).operation_model(operation).input_shape
        report = botocore.validate.ParamValidator().validate(dict(params), shape)
        assert not report.has_errors(), report.generate_report()
        name = f"{service}:{operation}"
        self.asked.append((name, dict(params)))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer(dict(params)) if callable(answer) else answer

    def sent(self, name: str) -> list[Json]:
        """Return the requests of one operation."""
        return [params for asked, params in self.asked if asked == name]


@dataclass
class VirtualClock:
    """A clock that only sleeping moves."""

    at_s: float = 1000.0
    stop: int | None = None
    naps: list[float] = field(default_factory=list[float])

    def now_s(self) -> float:
        """Return the virtual instant."""
        return self.at_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.naps.append(seconds)
        self.at_s += seconds

    def stop_signal(self) -> int | None:
        """Return the signal, if there is one."""
        return self.stop


def forward(*shares: tuple[str, int], sticky_s: int | None = None, order: int | None = None) -> Json:
    """Return a forward action as AWS answers it."""
    stickiness: Json = {"Enabled": sticky_s is not None}
    if sticky_s is not None:
        stickiness["DurationSeconds"] = sticky_s
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares]
    action: Json = {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness},
    }
    if len(shares) == 1:
        action["TargetGroupArn"] = shares[0][0]
    return action if order is None else {**action, "Order": order}


def rule(priority: int | None = 20, *, arn: str = RULE, **parts: object) -> Json:
    """Return a rule as AWS answers it; `priority` None makes it the default rule."""
    told: Json = {
        "RuleArn": arn,
        "Priority": "default" if priority is None else str(priority),
        "Conditions": [],
        "Actions": [forward((GROUP_A, 1))],
        "IsDefault": priority is None,
    }
    return {**told, **parts}
