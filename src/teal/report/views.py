"""One dictionary per screen: `-o json` prints it, the terminal renders it, so that the two cannot disagree."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, Protocol, assert_never

from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.snapshot import RouteState, SlotState, Snapshot
from teal.model.spec import Spec
from teal.model.step import CreateService, Register, Step, UpdateService
from teal.model.tags import MoveTag, Stage
from teal.model.workload import TaskDefinition, revision_of
from teal.plan.check import Check
from teal.plan.drift import shape_drift
from teal.plan.readiness import Readiness
from teal.plan.retiring import due_at_s, retired
from teal.plan.situation import RESTING_ROWS, UNKNOWN_ROWS, Situation, classify, share_of
from teal.plan.unfinished import what_next
from teal.report.task_diff import MASK, changes
from teal.report.wording import instant

_RESTING_STAGES = frozenset({Stage.DONE, Stage.BACK})


def status_view(
    spec: Spec, snapshot: Snapshot, situation: Situation, readiness: Readiness | None, now_s: float
) -> dict[str, Any]:
    """Return where things stand. `readiness` is None where no slot is known to be live."""
    then = what_next(snapshot, situation)
    return {
        **_place(spec, snapshot),
        "row": situation.row,
        "meaning": situation.meaning,
        "live": situation.live,
        "idle": situation.idle,
        "slots": [_slot_view(spec, snapshot.slot(slot), situation) for slot in Slot],
        "routes": [_route_view(snapshot, route) for route in snapshot.routes],
        "move": _move_view(situation.move, now_s) if situation.move else None,
        "rollback": _readiness_view(readiness) if readiness else None,
        "retire": _retire_view(spec, snapshot, situation, now_s),
        "attention": attention(situation, readiness),
        "unfinished": then.unfinished,
        "next_command": "  or  ".join(then.commands),
        "next": {"commands": list(then.commands), "does": then.does},
    }


def attention(situation: Situation, readiness: Readiness | None) -> int:
    """Return the exit code of `status --exit-code`: 0 fine, 5 no warm way back, 6 under way, 7 unexplained."""
    if situation.row in UNKNOWN_ROWS:
        return 7
    if situation.row not in RESTING_ROWS:
        return 6
    return 0 if readiness is not None and readiness.ready else 5


def plan_view(spec: Spec, decision: Decision, snapshot: Snapshot) -> dict[str, Any]:
    """Return what would be done, from where, and what the new task definition changes."""
    situation = classify(spec, snapshot)
    return {
        **_place(spec, snapshot),
        "meaning": situation.meaning,
        "slots": [_slot_view(spec, snapshot.slot(slot), situation) for slot in Slot],
        "routes": [_route_view(snapshot, route) for route in snapshot.routes],
        **_decision_view(decision),
        "task_definition": _difference(spec, snapshot, situation) if _changes_content(decision) else None,
    }


def check_view(checks: tuple[Check, ...]) -> dict[str, Any]:
    """Return the answers of the preflight."""
    return {
        "checks": [
            {"name": check.name, "state": check.state, "message": check.message, "hint": check.hint} for check in checks
        ],
        "exit_code": next((check.exit_code for check in checks if check.state == "bad"), 0),
    }


class Access(Protocol):
    """How a slot is tasted."""

    @property
    def url(self) -> str:
        """Where."""
        ...

    @property
    def header(self) -> str | None:
        """The header that carries the secret; None where the port alone leads there."""
        ...

    @property
    def secret(self) -> str | None:
        """Its value."""
        ...


def taste_view(tastes: Mapping[Slot, Access], slot: str | None, secrets: Literal["shown", "hidden"]) -> dict[str, Any]:
    """Return how the slots, or the one that is named, are tasted; the secrets only when they are to be shown."""
    wanted = [(each, access) for each, access in tastes.items() if slot in {None, each}]
    return {
        "slots": [
            {
                "slot": each,
                "url": access.url,
                "header": access.header,
                "secret": access.secret if secrets == "shown" or access.secret is None else MASK,
            }
            for each, access in wanted
        ]
    }


def _place(spec: Spec, snapshot: Snapshot) -> dict[str, Any]:
    caller = snapshot.caller
    return {
        "app": spec.app,
        "account": caller.account,
        "region": caller.region,
        "cluster": spec.cluster,
        "caller": caller.arn,
        "lab": caller.lab is not None,
        "taken_at": instant(snapshot.taken_at_s),
    }


def _slot_view(spec: Spec, state: SlotState, situation: Situation) -> dict[str, Any]:
    service, tag = state.service, state.deployment
    return {
        "slot": state.slot,
        "roles": _roles(state.slot, situation),
        "service": spec.slot(state.slot).service,
        "exists": service is not None,
        "revisions": _revisions(state),
        "images": _images(state),
        "tasks_running": service.running if service else 0,
        "tasks_desired": service.desired if service else 0,
        "targets_healthy": state.healthy,
        "targets_total": max((len(group.targets or ()) for group in state.groups), default=0),
        "deployment": {"id": tag.id, "revision": tag.revision, "outcome": str(tag.outcome)} if tag else None,
    }


def _roles(slot: Slot, situation: Situation) -> list[str]:
    roles = [name for name, holder in (("live", situation.live), ("idle", situation.idle)) if holder is slot]
    move = situation.move
    if move is None or (situation.row in RESTING_ROWS and move.stage in _RESTING_STAGES):
        return roles
    return [*roles, *(name for name, holder in (("blue", move.origin), ("green", move.to)) if holder is slot)]


def _revisions(state: SlotState) -> list[str]:
    """Return what the slot really holds, newest first: during an update, two."""
    if state.service is None:
        return []
    found = {revision_of(deployment.task_definition_arn) for deployment in state.service.deployments}
    found = found or {revision_of(state.service.task_definition_arn)}
    return [f"{family}:{revision}" for family, revision in sorted(found, key=lambda pair: pair[1], reverse=True)]


def _images(state: SlotState) -> list[str]:
    if state.service is None:
        return []
    newest = (task for task in state.tasks if task.status != "STOPPED")
    current = [task for task in newest if task.task_definition_arn == state.service.task_definition_arn]
    return sorted({container.image for task in current for container in task.containers if container.image})


def _route_view(snapshot: Snapshot, route: RouteState) -> dict[str, Any]:
    return {
        "route": str(route.spec),
        "exists": route.rule is not None,
        "weights": {str(slot): _percent(share_of(snapshot, route, slot)) for slot in Slot} if route.rule else None,
        "drift": shape_drift(snapshot, route),
    }


def _percent(share: Fraction) -> int | float:
    percent = share * 100
    return int(percent) if percent.denominator == 1 else round(float(percent), 1)


def _move_view(move: MoveTag, now_s: float) -> dict[str, Any]:
    return {
        "id": move.id,
        "from": move.origin,
        "to": move.to,
        "stage": str(move.stage),
        "since": instant(move.entered_at_s),
        "age_s": max(0, int(now_s - move.entered_at_s)),
    }


def _readiness_view(readiness: Readiness) -> dict[str, Any]:
    return {
        "ready": readiness.ready,
        "to": readiness.way_back,
        "revision": readiness.revision,
        "healthy": readiness.healthy,
        "wanted": readiness.wanted,
        "reasons": list(readiness.reasons),
    }


def _retire_view(spec: Spec, snapshot: Snapshot, situation: Situation, now_s: float) -> dict[str, Any] | None:
    """Say whether the idle slot is retired, or when it has been kept warm for as long as was asked."""
    idle, due_s = situation.idle, due_at_s(spec, snapshot, situation)
    if idle is None or snapshot.slot(idle).service is None:
        return None
    if retired(snapshot.slot(idle)):
        return {"slot": idle, "retired": True, "due": False, "due_at": None, "in_s": None}
    if due_s is None:
        return None
    return {
        "slot": idle,
        "retired": False,
        "due": now_s >= due_s,
        "due_at": instant(due_s),
        "in_s": max(0, int(due_s - now_s)),
    }


def _decision_view(decision: Decision) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": "", "hint": "", "steps": [], "warnings": [], "exit_code": decision.exit_code}
    match decision:
        case Steps():
            steps = [_step_view(number, step) for number, step in enumerate(decision.steps, 1)]
            return {
                **shown, "decision": "steps", "message": decision.ends, "steps": steps,
                "warnings": list(decision.warnings),
            }  # fmt: skip
        case Finished():
            return {**shown, "decision": "finished", "message": decision.message, "hint": decision.hint}
        case Refused():
            return {**shown, "decision": "refused", "message": decision.message, "hint": decision.hint}
        case _:
            assert_never(decision)


def _step_view(number: int, step: Step) -> dict[str, Any]:
    return {
        "number": number,
        "kind": type(step).__name__,
        "sentence": step.sentence(),
        "calls": list(step.calls),
        "undo": step.undo(),
    }


def _changes_content(decision: Decision) -> bool:
    contents = Register | CreateService | UpdateService
    return isinstance(decision, Steps) and any(isinstance(step, contents) for step in decision.steps)


def _difference(spec: Spec, snapshot: Snapshot, situation: Situation) -> dict[str, Any]:
    before = _serving_definition(snapshot, situation)
    found = changes(before.body, spec.task_definition) if before else ()
    return {
        "family": spec.family,
        "serving": f"{before.family}:{before.revision}" if before else None,
        "changes": [{"path": c.path, "before": c.before, "after": c.after} for c in found],
    }


def _serving_definition(snapshot: Snapshot, situation: Situation) -> TaskDefinition | None:
    serving = situation.live or situation.origin
    service = snapshot.slot(serving).service if serving else None
    return snapshot.definitions.get(service.task_definition_arn) if service else None
