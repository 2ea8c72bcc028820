"""What a service does about tasks that fail: it waits longer and longer, or its circuit breaker trips.

Only tasks that never reached RUNNING make it wait: failures of one launch count as one wave, however many tasks it had,
and the pause doubles with each wave, up to 15 minutes. Tasks that ran and ended before they were healthy are replaced
after a short pace, which takes the place of the half minute that a start takes on AWS. The circuit breaker counts
tasks, not those that had been healthy and then ended by themselves, and only while the deployment is in progress; a
deployment that came back by a rollback is not watched, because there is nothing to go back to.
"""

import math

from teal.lab.world.ecs_model import Deployment, EcsState, Json, Rollout, Service, Task, inner

PAUSE_MOST_S = 900.0
WAVES_UNTIL_SAID = 3
PACE_S = 5.0
PACE_LEAST_S = 1.0  # not scaled: every start is a process
THRESHOLD_LEAST = 3
THRESHOLD_MOST = 200
USUAL_PERCENT = 50
TRIPPED = "ECS deployment circuit breaker: tasks failed to start."
STOPPED = "Service deployment was stopped by request."
NOWHERE = "Service deployment was stopped by request. There is no completed deployment to roll back to."


def threshold(rules: Json, desired: int) -> int:
    """Return how many failed tasks trip the circuit breaker."""
    configured = inner(rules, "deploymentCircuitBreaker", "thresholdConfiguration")
    value = int(configured.get("value", USUAL_PERCENT))
    share = math.ceil(value * desired / 100)
    match configured.get("type", "BOUNDED_PERCENT"):
        case "COUNT":
            return max(value, 1)
        case "UNBOUNDED_PERCENT":
            return max(share, 1)
        case _:
            return min(max(share, THRESHOLD_LEAST), THRESHOLD_MOST)


def note_failure(state: EcsState, task: Task, now_s: float) -> None:
    """Count a task that ended by itself, could not start, or failed its health checks."""
    service, deployment = task.service, task.deployment
    if service is None or deployment is None or service.primary is not deployment or service.status != "ACTIVE":
        return
    if task.started_at_s is None:
        _pause(state, service, deployment, now_s)
    elif not task.was_healthy:
        pace_s = max(state.ground.scaled(PACE_S), PACE_LEAST_S)
        deployment.retry_at_s = max(deployment.retry_at_s, now_s + pace_s)
    ended_by_itself = task.was_healthy and task.stop_code == "EssentialContainerExited"
    if deployment.rollout is not Rollout.IN_PROGRESS or ended_by_itself:
        return
    deployment.failed_tasks += 1
    deployment.updated_at_s = now_s
    watched = service.breaker.get("enable") and deployment.rollback_of is None
    if watched and deployment.failed_tasks >= threshold(service.rules, service.desired):
        _trip(state, service, deployment, now_s, roll_back=bool(service.breaker.get("rollback")))


def _pause(state: EcsState, service: Service, deployment: Deployment, now_s: float) -> None:
    if now_s < deployment.retry_at_s:
        return  # a task of a wave that is already counted
    deployment.waves += 1
    deployment.retry_at_s = now_s + state.ground.scaled(min(PAUSE_MOST_S, 2.0 ** min(deployment.waves, 16)))
    if deployment.waves == WAVES_UNTIL_SAID:
        state.say(service, "is unable to consistently start tasks successfully.", now_s)


def note_healthy(service: Service, task: Task) -> None:
    """Forgive a deployment its failures when one of its tasks gets healthy."""
    if task.was_healthy:
        return
    task.was_healthy = True
    deployment = task.deployment
    if deployment is None:
        return
    deployment.waves, deployment.retry_at_s = 0, 0.0
    if service.breaker.get("resetOnHealthyTask", True):
        deployment.failed_tasks = 0


def _trip(state: EcsState, service: Service, deployment: Deployment, now_s: float, *, roll_back: bool) -> None:
    deployment.rollout, deployment.reason, deployment.tripped = Rollout.FAILED, TRIPPED, True
    deployment.updated_at_s = now_s
    state.say(service, f"(deployment {deployment.deployment_id}) deployment failed: tasks failed to start.", now_s)
    before = service.last_completed
    if not roll_back or before is None or before is deployment:
        deployment.status, deployment.status_reason = "STOPPED", TRIPPED
        deployment.finished_at_s = now_s
        return
    _roll_back(state, service, before, TRIPPED, now_s)
    before.reason = f"ECS deployment circuit breaker: rolling back to deploymentId {before.deployment_id}."


def roll_back_as_asked(state: EcsState, service: Service, now_s: float) -> None:
    """Begin the rollback that somebody asked for by stopping the deployment."""
    deployment, before = service.primary, service.last_completed
    deployment.rollout, deployment.reason, deployment.updated_at_s = Rollout.FAILED, STOPPED, now_s
    if before is None or before is deployment:
        deployment.status, deployment.status_reason = "ROLLBACK_FAILED", NOWHERE
        deployment.finished_at_s = now_s
        state.ground.tell(now_s, "ecs", service.name, NOWHERE)
        return
    _roll_back(state, service, before, STOPPED, now_s)
    before.reason = f"ECS deployment rolling back to deploymentId {before.deployment_id}."


def _roll_back(state: EcsState, service: Service, before: Deployment, cause: str, now_s: float) -> None:
    """Make the last completed deployment the primary one again."""
    failed = service.primary
    failed.status, failed.status_reason = "ROLLBACK_IN_PROGRESS", cause
    failed.rolled_back_to, failed.rolled_back_at_s = before, now_s
    before.rollback_of = failed
    before.rollout = Rollout.IN_PROGRESS
    before.updated_at_s = now_s
    before.failed_tasks, before.waves, before.retry_at_s = 0, 0, 0.0
    service.deployments = [before, *(each for each in service.deployments if each is not before)]
    service.steady = False
    state.say(service, f"rolling back to deployment {before.deployment_id}.", now_s)
