"""The bodies of what is created: AWS's own shapes, taken from the configuration and overlaid with the slot's fields."""

from collections.abc import Mapping
from typing import Any

from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import CreateService, CreateTaste, UpdateService
from teal.model.tags import APP, DEPLOYMENT, SLOT
from teal.model.traffic import Condition

SETTINGS: Mapping[str, Any] = {
    # ECS's own rollback would put another revision into the slot behind teal; 100/200 keeps what the slot held whole.
    "deploymentCircuitBreaker": {"enable": True, "rollback": False},
    "minimumHealthyPercent": 100,
    "maximumPercent": 200,
}


def owner_tags(spec: Spec, slot: Slot | None = None) -> dict[str, str]:
    """Return the tags of everything that teal makes for an app."""
    tags = {**spec.tags, APP: spec.app}
    return tags if slot is None else {**tags, SLOT: str(slot)}


def service_body(spec: Spec, snapshot: Snapshot, step: CreateService, definition_arn: str) -> dict[str, Any]:
    """Return CreateService's body for a slot."""
    tags = owner_tags(spec, step.slot)
    if step.tag is not None:
        tags[DEPLOYMENT] = str(step.tag)
    configured: Mapping[str, Any] = spec.service.get("deploymentConfiguration") or {}
    return {
        **spec.service,
        "cluster": spec.cluster,
        "serviceName": step.service,
        "taskDefinition": definition_arn,
        "desiredCount": step.count,
        "loadBalancers": [
            {
                "targetGroupArn": group.group.arn,
                "containerName": group.spec.container,
                "containerPort": group.spec.port,
            }
            for group in snapshot.slot(step.slot).groups
            if group.group is not None
        ],
        "deploymentConfiguration": {**configured, **SETTINGS},
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }


def service_changes(step: UpdateService, definition_arn: str | None) -> dict[str, Any]:
    """Return UpdateService's fields: only those that differ."""
    changes: dict[str, Any] = {}
    if definition_arn is not None:
        changes["taskDefinition"] = definition_arn
    if step.count is not None:
        changes["desiredCount"] = step.count
    if step.settings:
        changes["deploymentConfiguration"] = dict(SETTINGS)
    return changes


def taste_conditions(spec: Spec, step: CreateTaste, secret: str) -> tuple[Condition, ...]:
    """Return the condition of a taste rule: the secret alone, or everything on a port of its own."""
    if step.by_port:
        return (Condition(field="path-pattern", values=("/*",)),)
    if spec.taste.cookie is not None:
        return (Condition(field="http-header", header="Cookie", values=(f"*{spec.taste.cookie}={secret}*",)),)
    return (Condition(field="http-header", header=spec.taste.header, values=(secret,)),)
