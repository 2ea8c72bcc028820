"""The service deployment operations: list, describe, stop; and the service revisions that they speak of.

A deployment is PENDING until its service looks at it first. One that is stopped goes back to the last one that
completed, whether or not the circuit breaker would: ROLLBACK_REQUESTED, and at the service's next look
ROLLBACK_IN_PROGRESS.
"""

from teal.lab.world.ecs_breaker import threshold
from teal.lab.world.ecs_launch import image_digest
from teal.lab.world.ecs_model import (
    UNFINISHED,
    Deployment,
    EcsState,
    Json,
    Service,
    find_cluster,
    find_service,
    inner,
    instant,
    invalid,
    page,
)
from teal.lab.world.ecs_service_view import launching, pending, running
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

LISTED = 20
DESCRIBED_MOST = 20


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
        "createdAt": instant(deployment.created_at_s),
        "targetServiceRevisionArn": deployment.revision_arn,
        "status": deployment.status,
    } | _progress(deployment)


def _progress(deployment: Deployment) -> Json:
    view: Json = {}
    if deployment.started_at_s is not None:
        view["startedAt"] = instant(deployment.started_at_s)
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
        "runningTaskCount": running(tasks),
        "pendingTaskCount": pending(tasks),
    }
    view["sourceServiceRevisions"] = [{"arn": arn} for arn in deployment.source_arns]
    view["updatedAt"] = instant(deployment.updated_at_s)
    view["deploymentConfiguration"] = service.rules
    view["deploymentCircuitBreaker"] = {
        "status": _breaker_status(service, deployment),
        "failureCount": deployment.failed_tasks,
        "threshold": threshold(service.rules, service.desired),
    }
    if deployment.status == "STOPPED" and deployment.finished_at_s is not None:
        view["stoppedAt"] = instant(deployment.finished_at_s)
    if deployment.rolled_back_to is not None and deployment.rolled_back_at_s is not None:
        view["rollback"] = {
            "reason": deployment.status_reason,
            "startedAt": instant(deployment.rolled_back_at_s),
            "serviceRevisionArn": deployment.rolled_back_to.revision_arn,
        }
    return view


def _breaker_status(service: Service, deployment: Deployment) -> str:
    if deployment.tripped:
        return "TRIGGERED"
    if not service.breaker.get("enable"):
        return "DISABLED"
    return "MONITORING" if deployment.status in {"PENDING", "IN_PROGRESS"} else "MONITORING_COMPLETE"


def stop_service_deployment(state: EcsState, params: Params, now_s: float) -> Json:
    """StopServiceDeployment. One that is on its way back already goes on."""
    arn = str(params["serviceDeploymentArn"])
    service, deployment = next(
        ((service, each) for service in state.services.values() for each in service.history if each.arn == arn),
        (None, None),
    )
    if service is None or deployment is None:
        raise AwsRefusal("ServiceDeploymentNotFoundException", "Service deployment not found.")
    if params.get("stopType", "ROLLBACK") != "ROLLBACK":
        raise invalid("stopType must be ROLLBACK.")
    if deployment.status not in UNFINISHED:
        message = f"The service deployment has the status {deployment.status} and can not be stopped."
        raise AwsRefusal("ConflictException", message)
    if deployment.status in {"PENDING", "IN_PROGRESS"}:
        deployment.status, deployment.updated_at_s = "ROLLBACK_REQUESTED", now_s
        state.ground.tell(now_s, "ecs", service.name, f"deployment {deployment.deployment_id} is asked to stop")
    return {"serviceDeploymentArn": arn}


def describe_service_revisions(state: EcsState, params: Params, _now_s: float) -> Json:
    """DescribeServiceRevisions: what each deployment of a service deployed."""
    arns = list(params["serviceRevisionArns"])
    if not 1 <= len(arns) <= DESCRIBED_MOST:
        raise invalid("serviceRevisionArns must have 1 to 20 items.")
    known = {each.revision_arn: (service, each) for service in state.services.values() for each in service.history}
    found = [_revision(state, *known[arn]) for arn in arns if arn in known]
    return {
        "serviceRevisions": found,
        "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
    }


def _revision(state: EcsState, service: Service, deployment: Deployment) -> Json:
    recipe = deployment.recipe
    images = [(str(each["name"]), str(each["image"])) for each in state.definition(recipe.definition_arn).containers]
    return {
        "serviceRevisionArn": deployment.revision_arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "taskDefinition": recipe.definition_arn,
        "loadBalancers": list(recipe.load_balancers),
        "containerImages": [
            {"containerName": name, "image": image, "imageDigest": image_digest(image)} for name, image in images
        ],
        "createdAt": instant(deployment.created_at_s),
    } | launching(service, deployment)
