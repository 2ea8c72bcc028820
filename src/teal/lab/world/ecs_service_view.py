"""How DescribeServices shows a service."""

from collections.abc import Sequence

from teal.lab.world.ecs_model import (
    LIVELY,
    STARTING,
    UNFINISHED,
    Deployment,
    Json,
    Service,
    Task,
    TaskStatus,
    instant,
)
from teal.lab.world.ecs_tags import show_tags


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
        "runningCount": running(service.tasks),
        "pendingCount": pending(service.tasks),
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
    view |= launching(service, primary)
    view["currentServiceRevisions"] = _revisions(service)
    if primary.status in UNFINISHED:
        view["currentServiceDeployment"] = primary.arn
    elif primary.rollback_of is not None:
        view["currentServiceDeployment"] = primary.rollback_of.arn
    return view | ({"tags": show_tags(service.tags)} if with_tags else {})


def launching(service: Service, deployment: Deployment) -> Json:
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
        "pendingCount": pending(tasks),
        "runningCount": running(tasks),
        "failedTasks": deployment.failed_tasks,
        "createdAt": instant(deployment.created_at_s),
        "updatedAt": instant(deployment.updated_at_s),
        "rolloutState": deployment.rollout.value,
        "rolloutStateReason": deployment.reason,
    } | launching(service, deployment)


def running(tasks: Sequence[Task]) -> int:
    """Return how many tasks run."""
    return sum(task.status is TaskStatus.RUNNING for task in tasks)


def pending(tasks: Sequence[Task]) -> int:
    """Return how many tasks are on their way to run."""
    return sum(task.status in STARTING for task in tasks)


def _revisions(service: Service) -> list[Json]:
    return [
        {
            "arn": each.revision_arn,
            "requestedTaskCount": service.desired if each is service.primary else 0,
            "runningTaskCount": running([task for task in service.tasks if task.deployment is each]),
            "pendingTaskCount": pending([task for task in service.tasks if task.deployment is each]),
        }
        for each in service.deployments
    ]
