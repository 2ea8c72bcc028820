"""A shop to try the load balancer API on: everything in place, and no word too many to change it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from teal.lab.world.elbv2 import Balancers
from teal.lab.world.ground import Ground
from teal.lab.world.wires import AwsRefusal

NOW_S = 1_790_000_000.0
CERTIFICATE = {"CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1"}
HEADER = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Teal-Taste", "Values": ["secret"]}}
OIDC = {
    "Issuer": "https://login.example",
    "AuthorizationEndpoint": "https://login.example/authorize",
    "TokenEndpoint": "https://login.example/token",
    "UserInfoEndpoint": "https://login.example/me",
    "ClientId": "shop",
}
FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}


@dataclass(kw_only=True)
class Shop:
    """A load balancer with an HTTP and an HTTPS listener, groups a to f, and rule 20 that forwards to a."""

    balancers: Balancers = field(default_factory=lambda: Balancers(Ground()))
    arns: dict[str, str] = field(default_factory=dict[str, str])
    now_s: float = NOW_S

    def __post_init__(self) -> None:
        subnets = ["subnet-a", "subnet-b"]
        self.arns["shop"] = self.create("CreateLoadBalancer", Name="shop", Subnets=subnets)["LoadBalancerArn"]
        for name in "abcdef":
            self.arns[name] = self.group(f"tg-{name}")
        default = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        common = {"LoadBalancerArn": self.arns["shop"], "DefaultActions": default}
        self.arns["http"] = self.create("CreateListener", Protocol="HTTP", Port=80, **common)["ListenerArn"]
        self.arns["https"] = self.create(
            "CreateListener", Protocol="HTTPS", Port=443, Certificates=[CERTIFICATE], **common
        )["ListenerArn"]
        self.arns["rule"] = self.rule(20)["RuleArn"]
        self.arns["default"] = self.rules()[-1]["RuleArn"]

    def call(self, operation: str, /, **params: object) -> dict[str, Any]:
        """Perform an operation."""
        return self.balancers.call(operation, params, self.now_s)

    def create(self, operation: str, /, **params: object) -> dict[str, Any]:
        """Perform an operation and return the first item of its answer."""
        (items,) = self.call(operation, **params).values()
        return dict(items[0])

    def group(self, name: str) -> str:
        """Create a target group and return its ARN."""
        wanted = {"Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-lab", "TargetType": "ip"}
        return str(self.create("CreateTargetGroup", Name=name, **wanted)["TargetGroupArn"])

    def rule(self, priority: int, listener: str = "http", **params: object) -> dict[str, Any]:
        """Create a rule that forwards to a, unless told otherwise."""
        wanted: dict[str, Any] = {"Conditions": [HEADER], "Actions": [self.forward(a=1)]} | params
        return self.create("CreateRule", ListenerArn=self.arns[listener], Priority=priority, **wanted)

    def rules(self, listener: str = "http") -> list[dict[str, Any]]:
        """Return the rules of a listener."""
        return list(self.call("DescribeRules", ListenerArn=self.arns[listener])["Rules"])

    def forward(self, *, sticky: dict[str, Any] | None = None, **weights: int) -> dict[str, Any]:
        """Return a forward action by group and weight."""
        groups = [{"TargetGroupArn": self.arns[name], "Weight": weight} for name, weight in weights.items()]
        config: dict[str, Any] = {"TargetGroups": groups}
        return {
            "Type": "forward",
            "ForwardConfig": config | ({"TargetGroupStickinessConfig": sticky} if sticky else {}),
        }

    def refusal(self, operation: str, /, **params: object) -> AwsRefusal:
        """Return the refusal of an operation that must be refused, and change nothing."""
        before = (self.rules("http"), self.rules("https"), self.balancers.data_plane())
        with pytest.raises(AwsRefusal) as caught:
            self.call(operation, **params)
        assert (self.rules("http"), self.rules("https"), self.balancers.data_plane()) == before
        return caught.value


def login(order: int = 1, **config: object) -> dict[str, Any]:
    """Return an authenticate-oidc action."""
    return {"Type": "authenticate-oidc", "Order": order, "AuthenticateOidcConfig": {**OIDC, **config}}


def fixed(status: str, **config: str) -> dict[str, Any]:
    """Return a fixed-response action."""
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, **config}}


def redirect(**config: str) -> dict[str, Any]:
    """Return a redirect action."""
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", **config}}
