"""Whether rollback would work now: computed, not assumed.

The way back is what the recorded move came from, or, while a deployment has been announced and has touched nothing yet,
the previous revision in the slot it would take. It is ready when that slot holds exactly one revision, the one that its
tag names, its last task did not fail to start, and it has as many healthy targets as it wants and as production runs.
An unready way back does not forbid a rollback; it says what the rollback would meet.
"""

from dataclasses import dataclass

from teal.model.identity import Slot
from teal.model.snapshot import SlotState, Snapshot
from teal.model.spec import Spec
from teal.model.tags import Stage
from teal.model.workload import Service, Task, revision_of
from teal.plan.situation import UNKNOWN_ROWS, Row, Situation, classify
from teal.plan.whole import holds, primary_revision

_FAILED_STARTS = frozenset({"TaskFailedToStart", "EssentialContainerExited"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The way back and what stands on it. `reasons` is empty exactly when it is ready."""

    ready: bool
    way_back: Slot | None
    revision: str  # `web:41`, what would serve again; "" where there is no way back
    healthy: int
    wanted: int
    reasons: tuple[str, ...]


def readiness(spec: Spec, snapshot: Snapshot, live: Slot) -> Readiness:
    """Say whether production could go back now. `live` is the slot whose running tasks say what production needs."""
    situation = classify(spec, snapshot)
    way_back = _way_back(situation)
    service = snapshot.slot(way_back).service if way_back else None
    if way_back is None or service is None:
        reason = f"slot {way_back} has no service" if way_back else _no_way(spec, snapshot, situation)
        return Readiness(ready=False, way_back=way_back, revision="", healthy=0, wanted=0, reasons=(reason,))
    state = snapshot.slot(way_back)
    serving = snapshot.slot(live).service
    needed = serving.running if serving is not None and live is not way_back else 0
    reasons = (*_content(spec, state, service), *_last_start(state), *_capacity(state, service, needed))
    return Readiness(
        ready=not reasons,
        way_back=way_back,
        revision=f"{revision_of(service.task_definition_arn)[0]}:{primary_revision(service)}",
        healthy=state.healthy,
        wanted=max(service.desired, needed),
        reasons=reasons,
    )


def _way_back(situation: Situation) -> Slot | None:
    if situation.row == Row.UNTOUCHED:
        return situation.to
    if situation.row in UNKNOWN_ROWS or situation.move is None:
        return None
    return situation.move.origin if situation.move.stage in {Stage.SHIFT, Stage.DONE} else None


def _no_way(spec: Spec, snapshot: Snapshot, situation: Situation) -> str:
    if situation.row in UNKNOWN_ROWS:
        return "where things stand cannot be explained, so the way back must be named: --to-slot"
    if situation.row == Row.UNRECORDED:
        return "no move is on record, so there is nothing to go back to"
    if situation.move is None or situation.move.origin is None:
        return "this is the first deployment, so there is nothing to go back to"
    if situation.move.stage is Stage.BACK:
        return "production went back already"
    before = snapshot.slot(situation.to).before
    ended = f" to {spec.family}:{before.revision}" if before else ""
    return f"the deployment under way ended the rollback{ended}; it has not touched production"


def _content(spec: Spec, state: SlotState, service: Service) -> tuple[str, ...]:
    revisions = sorted({revision_of(deployment.task_definition_arn)[1] for deployment in service.deployments})
    if len(revisions) > 1:
        return (f"slot {state.slot} holds {len(revisions)} revisions: {', '.join(map(str, revisions))}",)
    tag = state.deployment
    wanted = tag.revision if tag else primary_revision(service)
    if primary_revision(service) != wanted:
        return (f"slot {state.slot} runs revision {primary_revision(service)}, its tag says {wanted}",)
    if not holds(spec, state, wanted):
        return (f"slot {state.slot} is not settled on revision {wanted}",)
    return ()


def _last_start(state: SlotState) -> tuple[str, ...]:
    """Judge the newest task: an older failure that a later start made good is history."""
    newest = max(state.tasks, key=lambda task: task.created_at_s, default=None)
    if newest is None or not _failed_to_start(newest):
        return ()
    return (f"its last task failed to start: {newest.stopped_reason or newest.stop_code}",)


def _failed_to_start(task: Task) -> bool:
    failed_check = "failed" in task.stopped_reason and "health checks" in task.stopped_reason
    return task.status == "STOPPED" and (task.stop_code in _FAILED_STARTS or failed_check)


def _capacity(state: SlotState, service: Service, needed: int) -> tuple[str, ...]:
    if service.desired == 0:
        return (f"slot {state.slot} is retired (scaled to 0): it takes a deployment to bring it up",)
    if state.healthy < service.desired:
        return (f"{state.healthy} of {service.desired} targets of slot {state.slot} are healthy",)
    if state.healthy < needed:
        percent = 100 * state.healthy // needed
        return (f"{percent} % of production's capacity: {state.healthy} healthy targets for {needed} running tasks",)
    return ()
