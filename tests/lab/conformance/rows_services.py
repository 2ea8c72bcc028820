"""Services and tasks: what ECS refuses to run."""

from lab.conformance.row import Claim, Json, Row, Step, assumed, seen, stated
from lab.conformance.scene import BEHIND, CONTAINER, NETWORK, SERVICE, definition, deletion, service

INVALID, CLIENT = "InvalidParameterException", "ClientException"
_SEEN = "public reports"
_BLUE_GREEN = "ECS guide, troubleshooting-blue-green"
_NOBODY = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/none/0123456789abcdef"
_UPDATE: Json = {"cluster": "demo", "service": "web"}
_RUN: Json = {
    "cluster": "demo",
    "taskDefinition": "web",
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
}
_PERCENT = assumed(INVALID, "ECS guide, service_definition_parameters: 0 to 100, 100 to 200")
_ADVANCED: Json = {
    "alternateTargetGroupArn": "$b",
    "productionListenerRule": "$rule",
    "testListenerRule": "$second",
    "roleArn": "arn:aws:iam::000000000000:role/ecs",
}


def _service(what: str, wrong: Json, claim: Claim, right: Json | None = None) -> Row:
    """Return a row of CreateService: what differs from a service that AWS accepts."""
    return Row(
        what=what,
        call="ecs CreateService",
        wrong={**SERVICE, **wrong},
        right={**SERVICE, **(right or {})},
        claim=claim,
    )


def _update(what: str, wrong: Json, claim: Claim, before: tuple[Step, ...] = ()) -> Row:
    """Return a row of UpdateService against one that changes a count."""
    return Row(
        what=what,
        call="ecs UpdateService",
        wrong={**_UPDATE, **wrong},
        right={**_UPDATE, "desiredCount": 1},
        before=before,
        claim=claim,
    )


def _run(what: str, wrong: Json, claim: Claim) -> Row:
    return Row(what=what, call="ecs RunTask", wrong={**_RUN, **wrong}, right=_RUN, claim=claim)


def _behind(**change: object) -> Json:
    return {"loadBalancers": [{**BEHIND, **change}]}


def _rolling(least: int, most: int) -> Json:
    return {"deploymentConfiguration": {"minimumHealthyPercent": least, "maximumPercent": most}}


def _network(**change: object) -> Json:
    return {"networkConfiguration": {"awsvpcConfiguration": {**NETWORK["awsvpcConfiguration"], **change}}}


def _without(key: str) -> Json:
    return {name: value for name, value in SERVICE.items() if name != key}


_RETIRED = (
    definition("old"),
    Step(call="ecs DeregisterTaskDefinition", params={"taskDefinition": "old:1"}),
)
_SIDE = definition("side", containerDefinitions=[{**CONTAINER, "name": "side"}])
_BOTH_BEHIND = [BEHIND, {**BEHIND, "targetGroupArn": "$b"}]
_LEAVES = service("leaving", desiredCount=1)

SERVICES = (
    _service(
        "a service in a cluster that is not there",
        {"cluster": "none"},
        seen("ClusterNotFoundException", "Cluster not found.", f"API reference, CreateService; {_SEEN}"),
    ),
    _service(
        "a service of a task definition that is not there",
        {"taskDefinition": "none"},
        seen(CLIENT, "TaskDefinition not found.", _SEEN),
    ),
    Row(
        what="a service of a task definition that is INACTIVE",
        call="ecs CreateService",
        wrong={**SERVICE, "taskDefinition": "old:1"},
        right=SERVICE,
        before=_RETIRED,
        claim=seen(CLIENT, "TaskDefinition is inactive", _SEEN),
    ),
    _service(
        "a second service of one name",
        {"serviceName": "web"},
        seen(INVALID, "Creation of service was not idempotent.", _SEEN),
    ),
    Row(
        what="a service whose namesake is DRAINING",
        call="ecs CreateService",
        wrong={**SERVICE, "serviceName": "leaving"},
        right=SERVICE,
        before=(_LEAVES, deletion("leaving", force=True)),
        claim=seen(INVALID, "Unable to Start a service that is still Draining.", f"API model, DeleteService; {_SEEN}"),
    ),
    _service("a service name with a space", {"serviceName": "my web"}, assumed(INVALID, "API model, serviceName")),
    _service(
        "a desired count of -1", {"desiredCount": -1}, assumed(INVALID, "ECS guide, service_definition_parameters")
    ),
    _service(
        "a load balancer before a container that is not there",
        _behind(containerName="side"),
        seen(INVALID, "The container side does not exist in the task definition.", _SEEN),
    ),
    _service(
        "a container port that the container does not open",
        _behind(containerPort=9090),
        seen(INVALID, "The container web did not have a container port 9090 defined.", _SEEN),
    ),
    _service(
        "a service behind a target group that is not there",
        _behind(targetGroupArn=_NOBODY),
        assumed(INVALID, "API reference, CreateService"),
    ),
    _service(
        "a service behind a target group without a load balancer",
        _behind(targetGroupArn="$idle"),
        seen(INVALID, "does not have an associated load balancer.", _SEEN),
    ),
    _service(
        "an awsvpc service behind a target group of instances",
        _behind(targetGroupArn="$instances"),
        seen(
            INVALID,
            "has target type instance, which is incompatible with the awsvpc network mode specified in the task "
            "definition.",
            f"API model, LoadBalancer; {_SEEN}",
        ),
    ),
    _service(
        "one target group twice",
        {"loadBalancers": [BEHIND, BEHIND]},
        stated(INVALID, _BLUE_GREEN, "Duplicate targetGroupArn found"),
    ),
    _service(
        "six target groups",
        {"loadBalancers": [{**BEHIND, "targetGroupArn": f"${name}"} for name in ("a", "b", "c", "d", "e", "f")]},
        assumed(INVALID, "ECS guide, register-multiple-targetgroups: 5"),
        {"loadBalancers": _BOTH_BEHIND},
    ),
    Row(
        what="an awsvpc service without a network",
        call="ecs CreateService",
        wrong=_without("networkConfiguration"),
        right=SERVICE,
        claim=seen(INVALID, "Network Configuration must be provided when networkMode 'awsvpc' is specified.", _SEEN),
    ),
    _service("a network without subnets", _network(subnets=[]), seen(INVALID, "subnets can not be empty.", _SEEN)),
    _service(
        "a subnet that is not there",
        _network(subnets=["subnet-none"]),
        seen(INVALID, "The subnet ID 'subnet-none' does not exist", _SEEN),
    ),
    _service(
        "a security group that is not there",
        _network(securityGroups=["sg-none"]),
        seen(
            INVALID,
            "Error retrieving security group information for [sg-none]: The security group 'sg-none' does not exist",
            _SEEN,
        ),
    ),
    _service(
        "17 subnets",
        _network(subnets=["$subnet-a", "$subnet-b"] + ["$subnet-a"] * 15),
        assumed(INVALID, "API model, AwsVpcConfiguration: 16 subnets"),
    ),
    _service(
        "a public address on EC2",
        {**_network(assignPublicIp="ENABLED"), "launchType": "EC2"},
        seen(INVALID, "Assign public IP is not supported for this launch type.", _SEEN),
        _network(assignPublicIp="ENABLED"),
    ),
    Row(
        what="a task definition for EC2 alone on Fargate",
        call="ecs CreateService",
        wrong={**SERVICE, "taskDefinition": "big"},
        right={**SERVICE, "taskDefinition": "big", "launchType": "EC2"},
        before=(definition("big", cpu="300", memory="700", requiresCompatibilities=["EC2"]),),
        claim=assumed(INVALID, "API model, launchType; the task has no size that Fargate offers"),
    ),
    _service(
        "a launch type beside a capacity provider strategy",
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
        seen(
            INVALID,
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one",
            f"API model, capacityProviderStrategy; {_SEEN}",
        ),
    ),
    _service("a launch type that does not exist", {"launchType": "MOON"}, assumed(INVALID, "API model, LaunchType")),
    _service(
        "a platform version that does not exist",
        {"platformVersion": "9.9.9"},
        stated("PlatformUnknownException", "API reference, CreateService"),
        {"platformVersion": "1.4.0"},
    ),
    _service(
        "a platform version on EC2",
        {"platformVersion": "1.4.0", "launchType": "EC2"},
        seen(INVALID, "The platform version must be null when specifying an EC2 launch type.", _SEEN),
        {"launchType": "EC2"},
    ),
    _service(
        "a placement strategy on Fargate",
        {"placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zone"}]},
        seen(INVALID, "Placement strategies are not supported with FARGATE launch type.", _SEEN),
    ),
    _service("a minimum of 101 %", _rolling(101, 200), _PERCENT, _rolling(100, 200)),
    _service("a maximum of 99 %", _rolling(50, 99), _PERCENT, _rolling(50, 100)),
    _service("a maximum of 201 %", _rolling(50, 201), _PERCENT, _rolling(50, 200)),
    _service(
        "a minimum and a maximum of 100 %",
        _rolling(100, 100),
        seen(
            INVALID,
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments",
            _SEEN,
        ),
        _rolling(0, 100),
    ),
    _service(
        "a health check grace period of -1 s",
        {"healthCheckGracePeriodSeconds": -1},
        assumed(INVALID, "ECS guide, service_definition_parameters: 0 to 2147483647"),
        {"healthCheckGracePeriodSeconds": 60},
    ),
    _service(
        "blue/green of ECS itself without an alternate target group",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}},
        stated(
            INVALID,
            _BLUE_GREEN,
            "advancedConfiguration field is required for all loadBalancers",
        ),
    ),
    _service(
        "advancedConfiguration for one of two target groups",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0},
            "loadBalancers": [{**BEHIND, "advancedConfiguration": _ADVANCED}, {**BEHIND, "targetGroupArn": "$b"}],
        },
        stated(
            INVALID,
            _BLUE_GREEN,
            "Either all or none of the provided loadBalancers must have advancedConfiguration defined",
        ),
        {"loadBalancers": _BOTH_BEHIND},
    ),
    _service(
        "51 tags of a service",
        {"tags": [{"key": str(number)} for number in range(51)]},
        assumed(INVALID, "API model, tags: 50"),
    ),
    _service(
        "a tag key of a service that begins with aws:",
        {"tags": [{"key": "aws:team"}]},
        assumed(INVALID, "API model, Tag: reserved"),
    ),
)
UPDATES = (
    _update(
        "UpdateService on a service that is not there",
        {"service": "none"},
        seen("ServiceNotFoundException", "Service not found.", f"API reference, UpdateService; {_SEEN}"),
    ),
    _update(
        "UpdateService on an INACTIVE service",
        {"service": "gone"},
        seen("ServiceNotActiveException", "Service was not ACTIVE.", f"API reference, UpdateService; {_SEEN}"),
        (service("gone"), deletion("gone")),
    ),
    _update(
        "UpdateService on a DRAINING service",
        {"service": "leaving"},
        seen("ServiceNotActiveException", "Service was not ACTIVE.", f"API reference, UpdateService; {_SEEN}"),
        (_LEAVES, deletion("leaving", force=True)),
    ),
    _update(
        "UpdateService to a task definition without the container behind the load balancer",
        {"taskDefinition": "side"},
        seen(INVALID, "The container web does not exist in the task definition.", _SEEN),
        (_SIDE,),
    ),
    _update(
        "UpdateService to a target group without a load balancer",
        _behind(targetGroupArn="$idle"),
        seen(INVALID, "does not have an associated load balancer.", _SEEN),
    ),
    Row(
        what="UpdateService to ECS Exec without a task role",
        call="ecs UpdateService",
        wrong={**_UPDATE, "enableExecuteCommand": True},
        right={**_UPDATE, "enableExecuteCommand": True, "taskDefinition": "roled"},
        before=(definition("roled", taskRoleArn="arn:aws:iam::000000000000:role/task"),),
        claim=seen(
            INVALID,
            "The service couldn't be updated because a valid taskRoleArn is not being used.",
            _SEEN,
        ),
    ),
    _update("UpdateService to -1 tasks", {"desiredCount": -1}, assumed(INVALID, "API reference, UpdateService")),
    _update(
        "UpdateService to a task definition that is not there",
        {"taskDefinition": "web:99"},
        seen(CLIENT, "TaskDefinition not found.", _SEEN),
    ),
    Row(
        what="the deletion of a service that is scaled above 0",
        call="ecs DeleteService",
        wrong={"cluster": "demo", "service": "busy"},
        right={"cluster": "demo", "service": "busy", "force": True},
        before=(service("busy", desiredCount=1),),
        claim=seen(INVALID, "The service cannot be stopped while it is scaled above 0.", _SEEN),
    ),
    Row(
        what="the deletion of a service that is not there",
        call="ecs DeleteService",
        wrong={"cluster": "demo", "service": "none"},
        right={"cluster": "demo", "service": "web"},
        claim=stated("ServiceNotFoundException", "API reference, DeleteService"),
    ),
    Row(
        what="DescribeServices of 11 services",
        call="ecs DescribeServices",
        wrong={"cluster": "demo", "services": [f"web-{number}" for number in range(11)]},
        right={"cluster": "demo", "services": [f"web-{number}" for number in range(10)]},
        claim=assumed(INVALID, "API model, DescribeServices: up to 10"),
    ),
    Row(
        what="the deletion of a cluster with services",
        call="ecs DeleteCluster",
        wrong={"cluster": "demo"},
        right={"cluster": "spare"},
        before=(Step(call="ecs CreateCluster", params={"clusterName": "spare"}),),
        claim=stated("ClusterContainsServicesException", "API reference, DeleteCluster"),
    ),
)
TASKS = (
    _run("RunTask of 11 tasks", {"count": 11}, assumed(INVALID, "API model, RunTask: up to 10")),
    _run("RunTask of 0 tasks", {"count": 0}, assumed(INVALID, "API model, RunTask: 1 or more")),
    _run(
        "RunTask of a task definition that is not there",
        {"taskDefinition": "none"},
        assumed(INVALID, "API reference, RunTask; for CreateService it is a ClientException"),
    ),
    _run(
        "RunTask with an override for a container that is not there",
        {"overrides": {"containerOverrides": [{"name": "side", "command": ["true"]}]}},
        seen(INVALID, "Override for container named side is not a container in the TaskDefinition.", _SEEN),
    ),
    Row(
        what="RunTask of a task definition that is INACTIVE",
        call="ecs RunTask",
        wrong={**_RUN, "taskDefinition": "old:1"},
        right=_RUN,
        before=_RETIRED,
        claim=seen(INVALID, "TaskDefinition is inactive", _SEEN),
    ),
    _run(
        "RunTask in the group of a service",
        {"group": "service:web"},
        seen(INVALID, "Invalid namespace for group.", _SEEN),
    ),
    _run(
        "RunTask of an awsvpc task without a network",
        {"networkConfiguration": {}},
        seen(INVALID, "Network Configuration must be provided when networkMode 'awsvpc' is specified.", _SEEN),
    ),
    Row(
        what="StopTask of a task that is not there",
        call="ecs StopTask",
        wrong={"cluster": "demo", "task": "0123456789abcdef0123456789abcdef"},
        right={"cluster": "demo", "task": "$task"},
        before=(Step(call="ecs RunTask", params=_RUN, name="task", at="tasks[0].taskArn"),),
        claim=seen(INVALID, "The referenced task was not found.", _SEEN),
    ),
)
ROWS = (*SERVICES, *UPDATES, *TASKS)
