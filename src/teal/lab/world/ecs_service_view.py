"""How DescribeServices and the service deployment operations show a service."""

from collections.abc import Sequence

from teal.lab.world.ecs_breaker import threshold
from teal.lab.world.ecs_model import (
    LIVELY,
    STARTING,
    Deployment,
    EcsState,
    Json,
    Service,
    Task,
    TaskStatus,
    find_cluster,
    find_service,
    inner,
    instant,
    invalid,
    page,
)
from teal.lab.world.ecs_tags import show_tags
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

LISTED = 20
DESCRIBED_MOST = 20


def show_service(service: Service, *, with_tags: bool = False) -> Json:
    """Return a service in AWS's shape."""
    primary, settings = service.primary, service.settings
    view: Json = {
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster.arn,
        "loadBalancers": list(primary.recipe.load_balancers),
        "serviceRegistries": [],
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": _running(service.tasks),
        "pendingCount": _pending(service.tasks),
        "taskDefinition": primary.recipe.definition_arn,
        "deploymentConfiguration": settings["deploymentConfiguration"],
        "deployments": [_deployment(service, each) for each in service.deployments],
        "events": list(service.events),
        "createdAt": instant(service.created_at_s),
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
    }
    for key in ("placementConstraints", "placementStrategy", "enableECSManagedTags", "propagateTags"):
        view[key] = settings[key]
    for key in ("enableExecuteCommand", "availabilityZoneRebalancing", "healthCheckGracePeriodSeconds"):
        view[key] = settings[key]
    view |= _launching(service, primary)
    view["currentServiceRevisions"] = _revisions(service)
    if primary.status in {"IN_PROGRESS", "ROLLBACK_IN_PROGRESS"}:
        view["currentServiceDeployment"] = primary.arn
    elif primary.rollback_of is not None:
        view["currentServiceDeployment"] = primary.rollback_of.arn
    return view | ({"tags": show_tags(service.tags)} if with_tags else {})


def _launching(service: Service, deployment: Deployment) -> Json:
    """Return the fields that service and deployment share: where and how tasks run."""
    recipe, strategy = deployment.recipe, service.settings["capacityProviderStrategy"]
    view: Json = {"capacityProviderStrategy": strategy} if strategy else {"launchType": recipe.launch_type}
    if recipe.platform_version:
        view |= {"platformVersion": recipe.platform_version, "platformFamily": "Linux"}
    if recipe.network:
        view["networkConfiguration"] = recipe.network
    return view


def _deployment(service: Service, deployment: Deployment) -> Json:
    tasks = [task for task in service.tasks if task.deployment is deployment]
    is_primary = deployment is service.primary
    kept = sum(task.status in LIVELY and task.stop_code is None for task in tasks)
    return {
        "id": deployment.deployment_id,
        "status": "PRIMARY" if is_primary else "ACTIVE",
        "taskDefinition": deployment.recipe.definition_arn,
        "desiredCount": service.desired if is_primary else kept,
        "pendingCount": _pending(tasks),
        "runningCount": _running(tasks),
        "failedTasks": deployment.failed_tasks,
        "createdAt": instant(deployment.created_at_s),
        "updatedAt": instant(deployment.updated_at_s),
        "rolloutState": deployment.rollout.value,
        "rolloutStateReason": deployment.reason,
    } | _launching(service, deployment)


def _running(tasks: Sequence[Task]) -> int:
    return sum(task.status is TaskStatus.RUNNING for task in tasks)


def _pending(tasks: Sequence[Task]) -> int:
    return sum(task.status in STARTING for task in tasks)


def _revisions(service: Service) -> list[Json]:
    return [
        {
            "arn": each.revision_arn,
            "requestedTaskCount": service.desired if each is service.primary else 0,
            "runningTaskCount": _running([task for task in service.tasks if task.deployment is each]),
            "pendingTaskCount": _pending([task for task in service.tasks if task.deployment is each]),
        }
        for each in service.deployments
    ]


def list_service_deployments(state: EcsState, params: Params, _now_s: float) -> Json:
    """ListServiceDeployments, newest first."""
    cluster = find_cluster(state, params)
    service = find_service(state, cluster, str(params["service"]))
    if service is None:
        raise AwsRefusal("ServiceNotFoundException", "Service not found.")
    wanted = set(params.get("status") or [])
    span = inner(params, "createdAt")
    found = [
        each
        for each in service.history
        if (not wanted or each.status in wanted)
        and ("after" not in span or instant(each.created_at_s) >= span["after"])
        and ("before" not in span or instant(each.created_at_s) <= span["before"])
    ]
    arns, token = page([each.arn for each in found], params, LISTED)
    briefs = [_brief(service, each) for each in found if each.arn in set(arns)]
    return {"serviceDeployments": briefs} | ({"nextToken": token} if token else {})


def _brief(service: Service, deployment: Deployment) -> Json:
    return {
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "startedAt": instant(deployment.created_at_s),
        "createdAt": instant(deployment.created_at_s),
        "targetServiceRevisionArn": deployment.revision_arn,
        "status": deployment.status,
    } | _endings(deployment)


def _endings(deployment: Deployment) -> Json:
    view: Json = {}
    if deployment.finished_at_s is not None:
        view["finishedAt"] = instant(deployment.finished_at_s)
    if deployment.status_reason:
        view["statusReason"] = deployment.status_reason
    return view


def describe_service_deployments(state: EcsState, params: Params, _now_s: float) -> Json:
    """DescribeServiceDeployments."""
    arns = list(params["serviceDeploymentArns"])
    if not 1 <= len(arns) <= DESCRIBED_MOST:
        raise invalid("serviceDeploymentArns must have 1 to 20 items.")
    known = {each.arn: (service, each) for service in state.services.values() for each in service.history}
    found = [_full(*known[arn]) for arn in arns if arn in known]
    failures = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]
    return {"serviceDeployments": found, "failures": failures}


def _full(service: Service, deployment: Deployment) -> Json:
    view = _brief(service, deployment)
    tasks = [task for task in service.tasks if task.deployment is deployment]
    view["targetServiceRevision"] = {
        "arn": view.pop("targetServiceRevisionArn"),
        "requestedTaskCount": service.desired,
        "runningTaskCount": _running(tasks),
        "pendingTaskCount": _pending(tasks),
    }
    view["sourceServiceRevisions"] = [{"arn": arn} for arn in deployment.source_arns]
    view["updatedAt"] = instant(deployment.updated_at_s)
    view["deploymentConfiguration"] = service.rules
    view["deploymentCircuitBreaker"] = {
        "status": _breaker_status(service, deployment),
        "failureCount": deployment.failed_tasks,
        "threshold": threshold(service.rules, service.desired),
    }
    if deployment.tripped and service.last_completed is not None and deployment.status.startswith("ROLLBACK"):
        view["rollback"] = {
            "reason": deployment.status_reason,
            "startedAt": instant(deployment.updated_at_s),
            "serviceRevisionArn": service.last_completed.revision_arn,
        }
    return view


def _breaker_status(service: Service, deployment: Deployment) -> str:
    if deployment.tripped:
        return "TRIGGERED"
    if not service.breaker.get("enable"):
        return "DISABLED"
    return "MONITORING" if deployment.status == "IN_PROGRESS" else "MONITORING_COMPLETE"
