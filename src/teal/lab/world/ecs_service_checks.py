"""What CreateService and UpdateService refuse."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from teal.lab.world.ecs_model import Definition, EcsState, Json, Recipe, inner, invalid, several
from teal.lab.world.ground import Params
from teal.lab.world.network import SECURITY_GROUP_ID, subnets
from teal.lab.world.wires import AwsRefusal, not_simulated

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
GROUPS_MOST = 5
PERCENT_MOST = 200
FULL = 100
GRACE_MOST_S = 2_147_483_647
NETWORK_MOST = {"subnets": 16, "securityGroups": 5}
LATEST_PLATFORM = "1.4.0"
PLATFORMS = frozenset({"LATEST", LATEST_PLATFORM, "1.3.0", "1.2.0", "1.1.0", "1.0.0"})

# What would change how tasks run or how traffic reaches them, and does not in the lab.
BEYOND = {
    "serviceRegistries": "service registries",
    "volumeConfigurations": "volumes that are configured at launch",
    "vpcLatticeConfigurations": "VPC Lattice",
    "gatewayConnectors": "gateway connectors",
}

USUAL_RULES: Json = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}


def check_simulated(params: Params) -> None:
    """Refuse, as the lab, what the lab does not do; as AWS, what AWS would not do of that either."""
    _check_blue_green(params)
    for key, what in BEYOND.items():
        if params.get(key):
            raise not_simulated(what)
    if inner(params, "serviceConnectConfiguration").get("enabled"):
        raise not_simulated("Service Connect")
    if params.get("schedulingStrategy", "REPLICA") != "REPLICA":
        raise not_simulated("the scheduling strategy DAEMON")
    controller = inner(params, "deploymentController").get("type", "ECS")
    if controller != "ECS":
        raise not_simulated(f"the deployment controller {controller}")
    for each in several(params, "loadBalancers"):
        if each.get("loadBalancerName"):
            raise not_simulated("Classic Load Balancers")


def _check_blue_green(params: Params) -> None:
    """Refuse native deployments that lack the second target group of a load balancer."""
    advanced = [bool(each.get("advancedConfiguration")) for each in several(params, "loadBalancers")]
    if any(advanced) and not all(advanced):
        raise invalid("Either all or none of the provided loadBalancers must have advancedConfiguration defined")
    strategy = inner(params, "deploymentConfiguration").get("strategy", "ROLLING")
    if strategy != "ROLLING" and advanced and not any(advanced):
        raise invalid(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
        )


def check_counts(params: Params) -> None:
    """Refuse counts that cannot be."""
    if int(params.get("desiredCount") or 0) < 0:
        raise invalid("desiredCount must not be negative.")
    grace_s = params.get("healthCheckGracePeriodSeconds")
    if grace_s is not None and not 0 <= int(grace_s) <= GRACE_MOST_S:
        raise invalid("healthCheckGracePeriodSeconds must be between 0 and 2147483647.")


def merged_rules(given: Mapping[str, Any], before: Json) -> Json:
    """Return the deployment configuration after a request, checked."""
    rules = before | dict(given)
    least, most = int(rules["minimumHealthyPercent"]), int(rules["maximumPercent"])
    if rules.get("strategy", "ROLLING") != "ROLLING":
        raise not_simulated(f"the deployment strategy {rules['strategy']}")
    if inner(rules, "alarms").get("enable"):
        raise not_simulated("deployment alarms of ECS")
    if inner(rules, "earlySuccessCriteria").get("enable"):
        raise not_simulated("early success criteria")
    if rules.get("lifecycleHooks"):
        raise not_simulated("lifecycle hooks")
    if not 0 <= least <= FULL:
        raise invalid("minimumHealthyPercent must be between 0 and 100.")
    if not FULL <= most <= PERCENT_MOST:
        raise invalid("maximumPercent must be between 100 and 200.")
    if least == most == FULL:
        raise invalid("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
    _check_threshold(inner(rules, "deploymentCircuitBreaker"))
    return rules


def _check_threshold(breaker: Mapping[str, Any]) -> None:
    value = inner(breaker, "thresholdConfiguration").get("value")
    if value is not None and int(value) < 1:
        raise invalid("The threshold value of the deployment circuit breaker must be at least 1.")


def check_recipe(state: EcsState, recipe: Recipe, definition: Definition) -> None:
    """Refuse what cannot be deployed: network, launch type, load balancers."""
    if definition.network_mode == "awsvpc":
        check_network(state, recipe.network)
    elif recipe.network:
        raise invalid("Network Configuration is not valid for the given networkMode of this task definition.")
    if recipe.launch_type not in definition.body["compatibilities"]:
        raise invalid(f"Task definition does not support launch_type {recipe.launch_type}.")
    if definition.network_mode != "awsvpc":
        raise not_simulated(f"services in network mode {definition.network_mode}, only awsvpc")
    _check_balancers(state, recipe.load_balancers, definition)


def platform_of(launch_type: str, version: str | None) -> str | None:
    """Return the platform version of tasks: the latest one unless another is asked for, none but on Fargate."""
    if launch_type != "FARGATE":
        return None
    return LATEST_PLATFORM if version in {None, "LATEST"} else version


def check_launch(params: Params, launch_type: str) -> None:
    """Refuse what does not go with the launch type: Fargate places tasks itself, EC2 has no platform versions.

    Raises:
        AwsRefusal: as AWS refuses it.
    """
    if launch_type == "FARGATE":
        if params.get("platformVersion", "LATEST") not in PLATFORMS:
            raise AwsRefusal("PlatformUnknownException", "The specified platform version does not exist.")
        if params.get("placementStrategy"):
            raise invalid("Placement strategies are not supported with FARGATE launch type.")
        return
    if params.get("platformVersion"):
        raise invalid("The platform version must be null when specifying an EC2 launch type.")
    if inner(params, "networkConfiguration", "awsvpcConfiguration").get("assignPublicIp") == "ENABLED":
        raise invalid("Assign public IP is not supported for this launch type.")


def check_execute_command(params: Params, definition: Definition, done: str) -> None:
    """Refuse ECS Exec for tasks without a role of their own; `done` is created or updated."""
    if params.get("enableExecuteCommand") and not definition.body.get("taskRoleArn"):
        raise invalid(
            f"The service couldn't be {done} because a valid taskRoleArn is not being used. "
            "Specify a valid task role in your task definition and try again."
        )


def check_network(state: EcsState, given: Mapping[str, Any] | None) -> None:
    """Refuse an awsvpc task without a network, or in a subnet or security group that is not there."""
    awsvpc = (given or {}).get("awsvpcConfiguration")
    if not awsvpc:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    if not awsvpc.get("subnets"):
        raise invalid("subnets can not be empty.")
    for what, most in NETWORK_MOST.items():
        if len(awsvpc.get(what) or ()) > most:
            raise invalid(f"{what} can have at most {most} items.")
    known = {subnet.subnet_id for subnet in subnets(state.ground)}
    for subnet_id in awsvpc["subnets"]:
        if subnet_id not in known:
            raise invalid(
                f"Error retrieving subnet information for [{subnet_id}]: The subnet ID '{subnet_id}' does not exist "
                "(ErrorCode: InvalidSubnetID.NotFound)"
            )
    _check_security_groups(awsvpc.get("securityGroups") or ())


def _check_security_groups(group_ids: Sequence[str]) -> None:
    for group_id in group_ids:
        if group_id != SECURITY_GROUP_ID:
            raise invalid(
                f"Error retrieving security group information for [{group_id}]: The security group '{group_id}' does "
                "not exist (ErrorCode: InvalidGroup.NotFound)"
            )


def _check_balancers(state: EcsState, balancers: Sequence[Json], definition: Definition) -> None:
    if len(balancers) > GROUPS_MOST:
        raise invalid("load balancers can have at most 5 items.")
    groups = [str(each.get("targetGroupArn", "")) for each in balancers]
    if len(set(groups)) != len(groups):
        raise invalid("Duplicate targetGroupArn found")
    for each in balancers:
        _check_balancer(state, each, definition)


def _check_balancer(state: EcsState, given: Mapping[str, Any], definition: Definition) -> None:
    group = str(given.get("targetGroupArn", ""))
    if not group:
        raise invalid("targetGroupArn can not be empty.")
    if given.get("advancedConfiguration"):
        raise not_simulated("native blue/green deployments (advancedConfiguration)")
    container = definition.container(str(given.get("containerName", "")))
    if container is None:
        raise invalid(f"The container {given.get('containerName', '')} does not exist in the task definition.")
    port = given.get("containerPort")
    if port not in {mapping.get("containerPort") for mapping in container["portMappings"]}:
        raise invalid(f"The container {container['name']} did not have a container port {port} defined.")
    if not state.desk.group_exists(group):
        raise invalid(f"The target group with targetGroupArn {group} does not exist.")
    if state.desk.group_type(group) != "ip":
        kind = state.desk.group_type(group)
        words = f"has target type {kind}, which is incompatible with the awsvpc network mode"
        raise invalid(f"The provided target group {group} {words} specified in the task definition.")
    if not state.desk.is_attached(group):
        raise invalid(f"The target group with targetGroupArn {group} does not have an associated load balancer.")


def check_name(name: str) -> None:
    """Refuse a name that is none."""
    if not NAME.fullmatch(name):
        raise AwsRefusal("InvalidParameterException", "Identifier contains invalid characters.")
