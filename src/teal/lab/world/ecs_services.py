"""Service operations: create, update, delete, describe, list.

An update starts a deployment when what is deployed differs from before (the `Recipe`) or when it is forced; counts,
percentages, grace periods and tags change without one. Deployments that ended are remembered for 90 days, as on AWS.
"""

from teal.lab.world.ecs_definitions import usable
from teal.lab.world.ecs_model import (
    UNFINISHED,
    Cluster,
    Deployment,
    EcsState,
    Json,
    Recipe,
    Service,
    find_cluster,
    find_service,
    invalid,
    paged,
    service_arn,
    several,
)
from teal.lab.world.ecs_service_checks import (
    USUAL_RULES,
    check_counts,
    check_execute_command,
    check_launch,
    check_name,
    check_recipe,
    check_simulated,
    merged_rules,
    platform_of,
)
from teal.lab.world.ecs_service_view import show_service
from teal.lab.world.ecs_tags import read_tags
from teal.lab.world.ecs_tasks import stop_gently
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

DESCRIBED_MOST = 10
LISTED = 10
HISTORY_KEPT_S = 90 * 86400.0
HISTORY_KEPT_LEAST_S = 3600.0  # not scaled: somebody must be able to read what happened
# Changed in place by CreateService and UpdateService alike: what tasks are started with, not what they are.
PLAIN: Json = {
    "healthCheckGracePeriodSeconds": 0,
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "propagateTags": "NONE",
    "availabilityZoneRebalancing": "ENABLED",
    "placementConstraints": [],
    "placementStrategy": [],
    "capacityProviderStrategy": None,
}


def create_service(state: EcsState, params: Params, now_s: float) -> Json:
    """CreateService."""
    cluster = find_cluster(state, params)
    name = str(params["serviceName"])
    check_name(name)
    check_simulated(params)
    check_counts(params)
    known = find_service(state, cluster, name)
    if known is not None and known.status != "INACTIVE":
        return {"service": show_service(_same(known, params))}
    if "taskDefinition" not in params:
        raise invalid("TaskDefinition can not be blank.")
    recipe = _recipe(state, params, None)
    check_execute_command(params, state.definition(recipe.definition_arn), "created")
    rules = merged_rules(params.get("deploymentConfiguration") or {}, USUAL_RULES)
    service = Service(
        name=name,
        arn=service_arn(state, cluster, name),
        cluster=cluster,
        created_at_s=now_s,
        desired=int(params.get("desiredCount") or 0),
        settings={key: params.get(key, usual) for key, usual in PLAIN.items()} | {"deploymentConfiguration": rules},
        deployments=[],
        history=[],
        request=dict(params),
        tags=read_tags(params.get("tags", [])),
    )
    _deploy(state, service, recipe, now_s)
    state.services[service.arn] = service
    state.ground.tell(now_s, "ecs", name, f"service created in {cluster.name}, {service.desired} tasks desired")
    return {"service": show_service(service)}


def _same(known: Service, params: Params) -> Service:
    """Return the service that is there already, if this is the request that made it."""
    if known.status == "DRAINING":
        raise invalid("Unable to Start a service that is still Draining.")
    if not params.get("clientToken") or known.request != dict(params):
        raise invalid("Creation of service was not idempotent.")
    return known


def _recipe(state: EcsState, params: Params, before: Recipe | None) -> Recipe:
    """Return what a request asks to deploy, checked; what it does not mention stays as it was."""
    if "taskDefinition" in params or before is None:
        definition = usable(state, str(params["taskDefinition"]))
    else:
        definition = state.definition(before.definition_arn)
    launch_type = _launch_type(params, before)
    check_launch(params, launch_type)
    network: Json | None = before.network if before else None
    balancers = before.load_balancers if before else ()
    platform: str | None = params.get("platformVersion") or (before.platform_version if before else None)
    recipe = Recipe(
        definition_arn=definition.arn,
        launch_type=launch_type,
        platform_version=platform_of(launch_type, platform),
        network=_network(params.get("networkConfiguration", network)),
        load_balancers=tuple(several(params, "loadBalancers")) if "loadBalancers" in params else balancers,
    )
    check_recipe(state, recipe, definition)
    return recipe


def _launch_type(params: Params, before: Recipe | None) -> str:
    """Return FARGATE or EC2; capacity providers whose name begins with FARGATE are Fargate."""
    strategy = several(params, "capacityProviderStrategy")
    if params.get("launchType") and strategy:
        raise invalid("Specifying both a launch type and capacity provider strategy is not supported. Remove one.")
    if strategy:
        return "FARGATE" if str(strategy[0]["capacityProvider"]).startswith("FARGATE") else "EC2"
    return str(params.get("launchType") or (before.launch_type if before else "EC2"))


def _network(given: Json | None) -> Json | None:
    """Return a network configuration with AWS's defaults in it, so that equal ones compare equal."""
    if not given or not given.get("awsvpcConfiguration"):
        return given or None
    usual: Json = {"securityGroups": [], "assignPublicIp": "DISABLED"}
    return {"awsvpcConfiguration": usual | given["awsvpcConfiguration"]}


def _deploy(state: EcsState, service: Service, recipe: Recipe, now_s: float) -> None:
    """Put a new deployment in front of the others."""
    number = f"{int(state.ground.hex_id(16), 16) % 10**19:019d}"
    revision = f"{int(state.ground.hex_id(16), 16) % 10**19:019d}"
    inner = f"{service.cluster.name}/{service.name}"
    deployment = Deployment(
        deployment_id=f"ecs-svc/{number}",
        arn=state.ground.arn("ecs", f"service-deployment/{inner}/{state.ground.hex_id(21)}"),
        revision_arn=state.ground.arn("ecs", f"service-revision/{inner}/{revision}"),
        recipe=recipe,
        created_at_s=now_s,
        updated_at_s=now_s,
        reason=f"ECS deployment ecs-svc/{number} in progress.",
        source_arns=tuple(dict.fromkeys(t.deployment.revision_arn for t in service.tasks if t.deployment)),
    )
    _supersede(service, now_s)
    peopled = [each for each in service.deployments if any(task.deployment is each for task in service.tasks)]
    service.deployments = [deployment, *peopled]
    service.history = [deployment, *_remembered(state, service, now_s)]
    service.steady = False
    label = recipe.definition_arn.rpartition("/")[2]
    state.ground.tell(now_s, "ecs", service.name, f"deployment {deployment.deployment_id} of {label} begins")


def _remembered(state: EcsState, service: Service, now_s: float) -> list[Deployment]:
    """Return the history without what ended long ago and is neither deployed nor gone back to any more."""
    ended_s = now_s - max(state.ground.scaled(HISTORY_KEPT_S), HISTORY_KEPT_LEAST_S)
    needed = [*service.deployments, service.last_completed]
    return [
        each
        for each in service.history
        if each.finished_at_s is None or each.finished_at_s > ended_s or any(each is one for one in needed)
    ]


def _supersede(service: Service, now_s: float) -> None:
    """End the story of a deployment that another one overtakes."""
    for each in service.history:
        if each.status in UNFINISHED:
            each.status, each.status_reason = "STOPPED", "Service deployment was stopped by a newer one."
            each.finished_at_s = now_s
    for each in service.deployments:
        each.rollback_of = None


def update_service(state: EcsState, params: Params, now_s: float) -> Json:
    """UpdateService."""
    cluster = find_cluster(state, params)
    service = find_service(state, cluster, str(params["service"]))
    if service is None:
        raise AwsRefusal("ServiceNotFoundException", "Service not found.")
    if service.status != "ACTIVE":
        raise AwsRefusal("ServiceNotActiveException", "Service was not ACTIVE.")
    check_simulated(params)
    check_counts(params)
    recipe = _updated_recipe(state, service, params)
    deployed = recipe or service.primary.recipe
    check_execute_command(params, state.definition(deployed.definition_arn), "updated")
    rules = merged_rules(params.get("deploymentConfiguration") or {}, service.rules)
    service.settings |= {key: params[key] for key in PLAIN if params.get(key) is not None}
    service.settings["deploymentConfiguration"] = rules
    if params.get("desiredCount") is not None and int(params["desiredCount"]) != service.desired:
        service.desired = int(params["desiredCount"])
        state.ground.tell(now_s, "ecs", service.name, f"{service.desired} tasks desired")
    if recipe is not None and (recipe != service.primary.recipe or params.get("forceNewDeployment")):
        _deploy(state, service, recipe, now_s)
    return {"service": show_service(service)}


def _updated_recipe(state: EcsState, service: Service, params: Params) -> Recipe | None:
    """Return what the service shall deploy, or None when the request does not speak of it."""
    speaks = ("taskDefinition", "networkConfiguration", "platformVersion", "loadBalancers", "forceNewDeployment")
    given = {key: value for key, value in params.items() if value is not None}
    if not any(key in given for key in speaks):
        return None
    return _recipe(state, given, service.primary.recipe)


def delete_service(state: EcsState, params: Params, now_s: float) -> Json:
    """DeleteService: ACTIVE, then DRAINING while its tasks end, then INACTIVE."""
    cluster = find_cluster(state, params)
    service = find_service(state, cluster, str(params["service"]))
    if service is None or service.status == "INACTIVE":
        raise AwsRefusal("ServiceNotFoundException", "Service not found.")
    if service.desired > 0 and not params.get("force"):
        raise invalid("The service cannot be stopped while it is scaled above 0.")
    if service.status == "ACTIVE":
        service.status, service.desired = "DRAINING", 0
        _supersede(service, now_s)
        state.ground.tell(now_s, "ecs", service.name, "service is DRAINING")
        reason = f"Scaling activity initiated by (deployment {service.primary.deployment_id})"
        stop_gently(state, service.tasks, reason, now_s)
    return {"service": show_service(service)}


def describe_services(state: EcsState, params: Params, _now_s: float) -> Json:
    """DescribeServices. A service that is not there is a failure in the answer, not an error."""
    cluster = find_cluster(state, params)
    references = list(params["services"])
    if not references:
        raise invalid("Services cannot be empty.")
    if len(references) > DESCRIBED_MOST:
        raise invalid("services can have at most 10 items.")
    with_tags = "TAGS" in (params.get("include") or [])
    found: list[Json] = []
    failures: list[Json] = []
    for reference in dict.fromkeys(references):
        service = _found(state, cluster, str(reference))
        if service is None:
            arn = reference if str(reference).startswith("arn:") else service_arn(state, cluster, str(reference))
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(show_service(service, with_tags=with_tags))
    return {"services": found, "failures": failures}


def _found(state: EcsState, cluster: Cluster, reference: str) -> Service | None:
    service = find_service(state, cluster, reference)
    long_arn = reference.startswith("arn:") and reference.count("/") > 1
    return None if service is not None and long_arn and service.arn != reference else service


def list_services(state: EcsState, params: Params, _now_s: float) -> Json:
    """ListServices: the ACTIVE ones."""
    cluster = find_cluster(state, params)
    launch_type = params.get("launchType")
    found = [
        each.arn
        for each in state.services.values()
        if each.cluster is cluster
        and each.status == "ACTIVE"
        and launch_type in {None, each.primary.recipe.launch_type}
        and params.get("schedulingStrategy", "REPLICA") == "REPLICA"
        and params.get("resourceManagementType", "CUSTOMER") == "CUSTOMER"
    ]
    return paged("serviceArns", found, params, LISTED)
