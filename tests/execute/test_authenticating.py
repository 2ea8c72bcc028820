"""A rule that authenticates keeps every other action and setting through flip and rollback, field by field."""

from pathlib import Path
from typing import Any

import pytest

from region import Region, Stage, set_scene
from region_files import SERVICE, TASKDEF
from teal.config import source
from teal.model.run import Deploy, Flip, Rollback

OIDC: dict[str, Any] = {
    "Type": "authenticate-oidc",
    "Order": 3,
    "AuthenticateOidcConfig": {
        "Issuer": "https://idp.test",
        "AuthorizationEndpoint": "https://idp.test/authorize",
        "TokenEndpoint": "https://idp.test/token",
        "UserInfoEndpoint": "https://idp.test/user",
        "ClientId": "shop",
        "ClientSecret": "never to be seen again",
        "SessionCookieName": "ShopSession",
        "Scope": "openid email",
        "SessionTimeout": 3600,
        "AuthenticationRequestExtraParams": {"prompt": "login"},
        "OnUnauthenticatedRequest": "authenticate",
    },
}
COGNITO: dict[str, Any] = {
    "Type": "authenticate-cognito",
    "Order": 1,
    "AuthenticateCognitoConfig": {
        "UserPoolArn": "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_abc",
        "UserPoolClientId": "shop",
        "UserPoolDomain": "shop",
        "OnUnauthenticatedRequest": "allow",
    },
}
JWT: dict[str, Any] = {
    "Type": "jwt-validation",
    "Order": 1,
    "JwtValidationConfig": {"JwksEndpoint": "https://idp.test/jwks", "Issuer": "https://idp.test"},
}
YAML = """
app: shop
region: eu-west-1
cluster: shop
task_definition: taskdef.json
service: service.json
slots:
  a: {service: shop-a, target_groups: [{name: shop-a, container: web, port: 8080}]}
  b: {service: shop-b, target_groups: [{name: shop-b, container: web, port: 8080, create: {health_check: {path: /}}}]}
routes:
  - {load_balancer: shop, listener: 443, %s}
%s
"""


def adopted(directory: Path, action: dict[str, Any], route: str, taste: str, *, sticky: bool) -> Stage:
    """Return an app whose service and authenticating rule were made by hand, without any tag."""
    (directory / "teal.yaml").write_text(YAML % (route, taste))
    (directory / "taskdef.json").write_text(TASKDEF)
    (directory / "service.json").write_text(SERVICE)
    stage = Stage(region=Region(), spec=source.load(directory / "teal.yaml", environ={}, images={}, sets=()))
    set_scene(stage.region)
    _by_hand(stage, action, route, sticky=sticky)
    return stage


def _by_hand(stage: Stage, action: dict[str, Any], route: str, *, sticky: bool) -> None:
    aws = stage.region.aws
    balancer = aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["LoadBalancerArn"]
    group = aws(
        "elbv2", "CreateTargetGroup", Name="shop-a", Protocol="HTTP", Port=80, VpcId="vpc-lab", TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    forward: dict[str, Any] = {"TargetGroups": [{"TargetGroupArn": group, "Weight": 1}]}
    if sticky:
        forward["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 600}
    actions = [action, {"Type": "forward", "Order": 7, "ForwardConfig": forward}]
    nothing = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    secure = {
        "Protocol": "HTTPS",
        "Certificates": [{"CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1"}],
    }
    default = actions if "default" in route else nothing
    listener = aws("elbv2", "CreateListener", LoadBalancerArn=balancer, Port=443, DefaultActions=default, **secure)
    if "priority" in route:
        path = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*"]}}
        arn = listener["Listeners"][0]["ListenerArn"]
        aws("elbv2", "CreateRule", ListenerArn=arn, Priority=20, Conditions=[path], Actions=actions)
    for port in (9001, 9002):
        aws("elbv2", "CreateListener", LoadBalancerArn=balancer, Port=port, Protocol="HTTP", DefaultActions=nothing)
    _service(stage, group)


def _service(stage: Stage, group: str) -> None:
    aws = stage.region.aws
    definition = aws("ecs", "RegisterTaskDefinition", **stage.spec.task_definition)["taskDefinition"]
    aws(
        "ecs",
        "CreateService",
        cluster="shop",
        serviceName="shop-a",
        taskDefinition=definition["taskDefinitionArn"],
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration=stage.spec.service["networkConfiguration"],
        loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}],
    )
    stage.region.pass_time(60)


def production(stage: Stage) -> dict[str, Any]:
    """Return the production rule as AWS describes it, default action or not."""
    aws = stage.region.aws
    balancer = aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["LoadBalancerArn"]
    listeners = aws("elbv2", "DescribeListeners", LoadBalancerArn=balancer)["Listeners"]
    listener = next(each for each in listeners if each["Port"] == 443)
    rules = aws("elbv2", "DescribeRules", ListenerArn=listener["ListenerArn"])["Rules"]
    wanted = [r for r in rules if r["Actions"][0]["Type"].startswith(("authenticate", "jwt"))]
    assert len(wanted) == 1
    return {"listener": {k: v for k, v in listener.items() if k != "DefaultActions"}, **wanted[0]}


def group_of(rule: dict[str, Any]) -> str:
    """Return the name of the one group a rule forwards to."""
    (target,) = rule["Actions"][-1]["ForwardConfig"]["TargetGroups"]
    return str(target["TargetGroupArn"]).split("/")[1]


def without_target(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule without what a flip may change: which group its forward action names, and with what weight."""
    *others, last = rule["Actions"]
    forward = {k: v for k, v in last["ForwardConfig"].items() if k != "TargetGroups"}
    kept = {k: v for k, v in last.items() if k not in {"TargetGroupArn", "ForwardConfig"}}
    return {**rule, "Actions": [*others, {**kept, "ForwardConfig": forward}]}


PORTS = "taste: {ports: {a: 9001, b: 9002}}"


@pytest.mark.parametrize("action", [OIDC, COGNITO, JWT], ids=["oidc", "cognito", "jwt"])
@pytest.mark.parametrize("route", ["priority: 20", "default: true"])
@pytest.mark.parametrize("sticky", [False, True], ids=["plain", "group stickiness"])
def test_everything_but_the_target_stays(tmp_path: Path, action: dict[str, Any], route: str, *, sticky: bool) -> None:
    """Every other action, its order, stickiness, conditions and the listener are the same after flip and rollback."""
    stage = adopted(tmp_path, action, route, PORTS, sticky=sticky)
    before = production(stage)
    assert stage.with_image("lab/shop:2").run(Deploy(hold=True)).exit_code == 0
    assert stage.with_image("lab/shop:2").run(Flip()).exit_code == 0
    flipped = production(stage)
    assert group_of(flipped) == "shop-b"
    assert without_target(flipped) == without_target(before)
    assert stage.run(Rollback()).exit_code == 0
    back = production(stage)
    assert group_of(back) == "shop-a"
    assert without_target(back) == without_target(before)


def test_only_actions_are_sent_and_the_secret_is_never_asked_for(tmp_path: Path) -> None:
    """A flip sends a rule's ARN and actions alone, and lets AWS keep the client secret that it never shows."""
    stage = adopted(tmp_path, OIDC, "priority: 20", PORTS, sticky=False)
    assert stage.with_image("lab/shop:2").run(Deploy()).exit_code == 0
    sent = [params for name, params in stage.region.written if name == "elbv2:ModifyRule"]
    assert sent
    for params in sent:
        assert set(params) == {"RuleArn", "Actions"}
        oidc = params["Actions"][0]["AuthenticateOidcConfig"]
        assert oidc["UseExistingClientSecret"] is True
        assert "ClientSecret" not in oidc


def test_no_taste_rule_stands_beside_an_authenticating_route(tmp_path: Path) -> None:
    """An app whose route authenticates is tasted by port: on the route's own listener teal makes no rule at all."""
    stage = adopted(tmp_path, OIDC, "priority: 20", PORTS, sticky=False)
    secure = production(stage)["listener"]["ListenerArn"]
    assert stage.with_image("lab/shop:2").run(Deploy()).exit_code == 0
    made = [params for name, params in stage.region.written if name == "elbv2:CreateRule"]
    assert len(made) == 2
    assert all(params["ListenerArn"] != secure for params in made)


def test_an_authenticating_route_without_taste_ports_is_refused(tmp_path: Path) -> None:
    """A secret header beside an authenticating route would let people in without: exit 2, nothing written."""
    stage = adopted(tmp_path, OIDC, "priority: 20", "", sticky=False)
    ended = stage.with_image("lab/shop:2").run(Deploy())
    assert ended.exit_code == 2
    assert "authenticates" in ended.message
    assert not stage.region.written


def test_a_missing_taste_listener_comes_with_the_command_that_makes_it(tmp_path: Path) -> None:
    """A configured taste port without a listener is exit 2 with the aws command that creates it."""
    stage = adopted(tmp_path, OIDC, "priority: 20", "taste: {ports: {a: 9001, b: 9003}}", sticky=False)
    ended = stage.with_image("lab/shop:2").run(Deploy())
    assert ended.exit_code == 2
    assert "aws elbv2 create-listener" in ended.message
    assert "--port 9003" in ended.message
