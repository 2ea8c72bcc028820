"""The scene in which every row plays: a shop with listeners, rules, groups and services, and pieces of requests.

The load balancer `shop` has listeners `http` (rules 10, 20 and the default) and `https`; `other` has `elsewhere`, which
uses group `f`. Groups `a` and `b` are in use on `shop`; `c`, `d`, `e` and `idle` are in use nowhere.
"""

from lab.conformance.row import Json, Step

GROUP: Json = {"Protocol": "HTTP", "Port": 8080, "VpcId": "$vpc", "TargetType": "ip"}
FIXED: Json = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
OIDC: Json = {
    "Type": "authenticate-oidc",
    "Order": 1,
    "AuthenticateOidcConfig": {
        "Issuer": "https://login.example",
        "AuthorizationEndpoint": "https://login.example/authorize",
        "TokenEndpoint": "https://login.example/token",
        "UserInfoEndpoint": "https://login.example/me",
        "ClientId": "shop",
        "ClientSecret": "secret",
    },
}
NETWORK: Json = {"awsvpcConfiguration": {"subnets": ["$subnet-a", "$subnet-b"], "securityGroups": ["$security-group"]}}
CONTAINER: Json = {
    "name": "web",
    "image": "lab/sample:1",
    "cpu": 16,
    "memory": 32,
    "portMappings": [{"containerPort": 8080}],
}
DEFINITION: Json = {
    "family": "web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [CONTAINER],
}
BEHIND: Json = {"targetGroupArn": "$a", "containerName": "web", "containerPort": 8080}
SERVICE: Json = {
    "cluster": "demo",
    "serviceName": "new",
    "taskDefinition": "web",
    "desiredCount": 0,
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
    "loadBalancers": [BEHIND],
}


def path(*values: str) -> Json:
    """Return a path condition."""
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def forward(*, sticky: Json | None = None, **weights: int) -> Json:
    """Return a forward action by group and weight."""
    groups = [{"TargetGroupArn": f"${name}", "Weight": weight} for name, weight in weights.items()]
    config: Json = {"TargetGroups": groups}
    return {
        "Type": "forward",
        "ForwardConfig": config | ({"TargetGroupStickinessConfig": sticky} if sticky is not None else {}),
    }


def evenly(*names: str) -> Json:
    """Return a forward action to groups without weights."""
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": f"${name}"} for name in names]}}


def group(name: str, **change: object) -> Step:
    """Return the creation of a target group `tg-<name>`."""
    params = {"Name": f"tg-{name}", **GROUP, **change}
    return Step(call="elbv2 CreateTargetGroup", params=params, name=name, at="TargetGroups[0].TargetGroupArn")


def rule(name: str, priority: int, *actions: Json, listener: str = "http") -> Step:
    """Return the creation of a rule for the path `/<priority>`."""
    params: Json = {
        "ListenerArn": f"${listener}",
        "Priority": priority,
        "Conditions": [path(f"/{priority}")],
        "Actions": list(actions),
    }
    return Step(call="elbv2 CreateRule", params=params, name=name, at="Rules[0].RuleArn")


def listener(name: str, balancer: str, port: int, action: Json, **change: object) -> Step:
    """Return the creation of a listener."""
    params: Json = {
        "LoadBalancerArn": f"${balancer}",
        "Protocol": "HTTP",
        "Port": port,
        "DefaultActions": [action],
        **change,
    }
    return Step(call="elbv2 CreateListener", params=params, name=name, at="Listeners[0].ListenerArn")


def balancer(name: str) -> Step:
    """Return the creation of a load balancer."""
    params = {"Name": name, "Subnets": ["$subnet-a", "$subnet-b"]}
    return Step(call="elbv2 CreateLoadBalancer", params=params, name=name, at="LoadBalancers[0].LoadBalancerArn")


def service(name: str, **change: object) -> Step:
    """Return the creation of a service."""
    return Step(call="ecs CreateService", params={**SERVICE, "serviceName": name, **change})


def deletion(name: str, *, force: bool = False) -> Step:
    """Return the deletion of a service."""
    return Step(call="ecs DeleteService", params={"cluster": "demo", "service": name, "force": force})


def definition(family: str, **change: object) -> Step:
    """Return the registration of a task definition."""
    return Step(call="ecs RegisterTaskDefinition", params={**DEFINITION, "family": family, **change})


def attributes(group_name: str, **values: str) -> Step:
    """Return the setting of attributes of a target group; `__` stands for a dot."""
    pairs = [{"Key": key.replace("__", "."), "Value": value} for key, value in values.items()]
    return Step(
        call="elbv2 ModifyTargetGroupAttributes", params={"TargetGroupArn": f"${group_name}", "Attributes": pairs}
    )


CERTIFIED: Json = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "$certificate"}]}
SCENE: tuple[Step, ...] = (
    balancer("shop"),
    balancer("other"),
    *(group(name) for name in ("a", "b", "c", "d", "e", "f", "idle")),
    group("instances", TargetType="instance"),
    listener("http", "shop", 80, FIXED),
    listener("https", "shop", 443, FIXED, **CERTIFIED),
    listener("elsewhere", "other", 80, forward(f=1)),
    rule("rule", 10, forward(a=1)),
    rule("second", 20, forward(b=1)),
    rule("secure", 10, forward(a=1), listener="https"),
    Step(
        call="elbv2 DescribeRules", params={"ListenerArn": "$http"}, name="default", at="Rules[?IsDefault]|[0].RuleArn"
    ),
    Step(call="ecs CreateCluster", params={"clusterName": "demo"}),
    definition("web"),
    service("web"),
)
