"""The parts of the file, all checked, to the `Spec`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import UnsetType

from teal.config.conditions import conditions_of
from teal.config.durations import duration_s, shift_steps
from teal.config.native import ServiceBody
from teal.config.schema import (
    FOREVER,
    DeployPart,
    GroupCreatePart,
    GroupPart,
    HealthCheckPart,
    LockPart,
    RoutePart,
    SlotPart,
    TastePart,
    TealFile,
)
from teal.config.schema_gates import ExpectPart, GatePart, RunPart
from teal.config.tree import Where
from teal.model.identity import Slot
from teal.model.spec import (
    ALL_AT_ONCE,
    DeploySpec,
    Gate,
    GroupCreate,
    GroupSpec,
    HttpGate,
    IdentitySpec,
    LockSpec,
    OnStop,
    RouteCreate,
    RouteSpec,
    Rung,
    RunGate,
    ShiftStep,
    SlotSpec,
    Spec,
    StoreKind,
    TasteSpec,
)


def build(file: TealFile, task: Mapping[str, Any], service: ServiceBody, places: Mapping[str, Where]) -> Spec:
    """Return the `Spec` of a file without mistakes."""
    slots = {Slot.A: _slot(Slot.A, file.slots.a), Slot.B: _slot(Slot.B, file.slots.b)}
    first_key = slots[Slot.A].groups[0].key
    tags = {key: value.text for key, value in service.tags.items()}
    return Spec(
        app=file.app,
        region=file.region,
        account=file.account or None,
        cluster=file.cluster,
        family=task["family"],
        task_definition=MappingProxyType(dict(task)),
        service=MappingProxyType(dict(service.body)),
        slots=MappingProxyType(slots),
        routes=tuple(_route(route, first_key, places[f"routes[{i}]"]) for i, route in enumerate(file.routes)),
        taste=_taste(file.taste or TastePart()),
        deploy=_deploy(file.deploy or DeployPart()),
        identity=_identity(file),
        ignored=tuple(file.ignored or ()),
        tags=MappingProxyType(tags | (file.tags or {})),
        lock=_lock(file.lock) if file.lock else None,
    )


def _slot(slot: Slot, part: SlotPart) -> SlotSpec:
    return SlotSpec(slot=slot, service=part.service, groups=tuple(_group(group) for group in part.target_groups))


def _group(part: GroupPart) -> GroupSpec:
    create = None if isinstance(part.create, UnsetType) else _group_create(part.create)
    return GroupSpec(name=part.name, container=part.container, port=part.port, create=create)


def _group_create(part: GroupCreatePart) -> GroupCreate:
    check = part.health_check or HealthCheckPart()
    delay = part.deregistration_delay
    return GroupCreate(
        protocol=part.protocol,
        protocol_version=part.protocol_version,
        port=part.port,
        health_path=check.path,
        health_port=str(check.port),
        health_codes=str(check.codes),
        health_interval_s=int(duration_s(check.interval)),
        health_timeout_s=int(duration_s(check.timeout)),
        healthy_count=check.healthy,
        unhealthy_count=check.unhealthy,
        deregistration_delay_s=None if isinstance(delay, UnsetType) else int(duration_s(delay)),
    )


def _route(part: RoutePart, first_key: str, where: Where) -> RouteSpec:
    create = part.create or None
    return RouteSpec(
        load_balancer=part.load_balancer or "",
        listener_port=part.listener or 0,
        group_key=part.target_group or first_key,
        rule_arn=part.rule_arn or None,
        priority=create.priority if create else part.priority or None,
        default=part.default,
        conditions=conditions_of(part.conditions) if part.conditions else None,
        create=RouteCreate(priority=create.priority, conditions=conditions_of(create.conditions)) if create else None,
        where=str(where),
    )


def _taste(part: TastePart) -> TasteSpec:
    return TasteSpec(
        header=part.header or TasteSpec().header,
        cookie=part.cookie or None,
        ports=MappingProxyType({Slot.A: part.ports.a, Slot.B: part.ports.b}) if part.ports else None,
        priority=part.priority or None,
    )


def _deploy(part: DeployPart) -> DeploySpec:
    gates: list[GatePart] = (part.gates.taste or []) if part.gates else []
    return DeploySpec(
        shift=_shift(part.shift),
        bake_s=duration_s(part.bake),
        start_deadline_s=duration_s(part.start_deadline),
        healthy_for_s=duration_s(part.healthy_for),
        count=part.count or None,
        require_seen=Rung(part.require_seen),
        taste_gates=tuple(_gate(gate) for gate in gates),
        keep_warm_s=None if part.keep_warm == FOREVER else duration_s(part.keep_warm),
        on_stop=OnStop(part.on_stop),
    )


def _shift(shift: str | list[str]) -> tuple[ShiftStep, ...]:
    steps = ALL_AT_ONCE if isinstance(shift, str) else shift_steps(shift)
    return ALL_AT_ONCE if isinstance(steps, str) else steps


def _gate(part: GatePart) -> Gate:
    if part.http:
        expect = part.http.expect or ExpectPart()
        return HttpGate(
            path=part.http.path,
            status=expect.status,
            contains=expect.contains,
            headers=MappingProxyType(dict(part.http.headers or {})),
            timeout_s=duration_s(part.http.timeout),
            attempts=part.http.attempts,
        )
    run = part.run if isinstance(part.run, RunPart) else RunPart(command=part.run or "")
    return RunGate(command=run.command, timeout_s=duration_s(run.timeout), retry_s=duration_s(run.retry))


def _lock(part: LockPart) -> LockSpec:
    kind, _, rest = part.store.partition(":")
    place = rest.removeprefix("//") if kind != StoreKind.FILE else rest
    bucket, _, prefix = place.partition("/") if kind == StoreKind.S3 else (place, "", "")
    return LockSpec(
        kind=StoreKind(kind),
        place=bucket,
        prefix=prefix.strip("/"),
        region=part.region or None,
        profile=part.profile or None,
    )


def _identity(file: TealFile) -> IdentitySpec | None:
    if not file.identity:
        return None
    return IdentitySpec(
        header=file.identity.header, environment=file.identity.environment or None, path=file.identity.path
    )
