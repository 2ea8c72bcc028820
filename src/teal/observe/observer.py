"""Looking: everything a decision needs, read once through the ports; deciding nothing.

A full look is three rounds of reads at once: what there is, then what it says, then what it is tagged with. Between
full looks a waiting step watches a narrow part: the health of one slot's targets, and now and then its service.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from teal.errors import UnknownAnswerError
from teal.model.identity import Caller, Slot
from teal.model.snapshot import GroupState, RouteState, SlotState, Snapshot, TasteState
from teal.model.spec import RouteSpec, Spec
from teal.model.tags import BEFORE, DEPLOYMENT, parse_deployment
from teal.model.traffic import Listener, LoadBalancer, Rule, TargetGroup, TargetHealth
from teal.model.workload import Service, Task, TaskDefinition
from teal.observe.matching import LAST_PRIORITY, describe, listener_of_route, lowest_priority, matches, stands_on
from teal.ports import Ports

RECENT_REVISIONS = 5
LEAN_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The answers of the first two rounds."""

    balancers: tuple[LoadBalancer, ...]
    rules: tuple[Rule, ...]
    groups: dict[str, TargetGroup]
    services: dict[str, Service] | None  # None: not known
    health: dict[str, tuple[TargetHealth, ...]]
    tasks: dict[str, tuple[Task, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _MadeOut:
    """What the rules are to this app, and what that was made out from."""

    basis: tuple[object, ...]
    routes: tuple[RouteState, ...]  # without tags
    tastes: tuple[TasteState, ...]
    missing_ports: tuple[int, ...]
    strangers: tuple[str, ...]


class Observer:
    """Looks for one run. What cannot change within a run is read once."""

    def __init__(self, spec: Spec, ports: Ports) -> None:
        self._spec = spec
        self._ports = ports
        self._caller: Caller | None = None
        self._definitions: dict[str, TaskDefinition] = {}
        self._scalable: frozenset[str] | None = None
        self._cluster_found = False
        self._recent_read = False
        self._made_out: _MadeOut | None = None

    def full(self, *, lean: bool = False) -> Snapshot:
        """Return a complete snapshot; with `lean`, what a way back needs: rules, their tags, the health of targets.

        A lean look takes what else it gets, and does without what it does not: a rollback waits for nothing that is
        not on the way back. What of it takes longer than two seconds, who the caller is included, is not known.

        Raises:
            AwsError: a read that did not succeed; nothing is concluded from it.
        """
        taken_at_s = self._ports.clock.now_s()
        found = self._read_lean() if lean else self._read()
        made_out = self._make_out(found)
        return Snapshot(
            taken_at_s=taken_at_s,
            caller=self.known_caller if lean else self.caller(),
            cluster_found=self._cluster_found,
            load_balancers=found.balancers,
            slots={slot: self._slot(slot, found) for slot in Slot},
            routes=_tagged(made_out.routes, self._tags_of(made_out.routes)),
            tastes=made_out.tastes,
            taste_listeners_missing=made_out.missing_ports,
            strangers=made_out.strangers,
            definitions=dict(self._definitions),
            scalable=self._scalable or frozenset(),
            services_known=found.services is not None,
        )

    def _make_out(self, found: _Found) -> _MadeOut:
        """Return what the rules are to this app: made out anew only where they, or what they name, are new."""
        basis = found.balancers, found.rules, found.groups
        if self._made_out is None or self._made_out.basis != basis:
            routes = self._routes(found)
            tastes, missing_ports = self._tastes(found, routes)
            rules = (*(route.rule for route in routes), *(taste.rule for taste in tastes))
            self._made_out = _MadeOut(
                basis=basis,
                routes=routes,
                tastes=tastes,
                missing_ports=missing_ports,
                strangers=self._strangers(found, {rule.arn for rule in rules if rule is not None}),
            )
        return self._made_out

    def glance(self, snapshot: Snapshot, *, hurried: bool = False) -> Snapshot:
        """Return `snapshot` with the production rules as they are now, and what their tags record; all else as seen.

        The tags are read first: where they take long, the rules are as fresh as they have to be. Where it is `hurried`,
        tags that do not come within two seconds are those that were seen before.
        """
        tags = self._tags_soon(snapshot.routes) if hurried else self._tags_of(snapshot.routes)
        calls = [partial(self._ports.router.rules, balancer) for balancer in snapshot.load_balancers]
        now = {rule.arn: rule for part in self._ports.gather(calls) for rule in part}
        taken_at_s = self._ports.clock.now_s()
        routes = tuple(
            replace(route, rule=now.get(route.rule.arn)) if route.rule is not None else route
            for route in snapshot.routes
        )
        return replace(snapshot, routes=_tagged(routes, tags), taken_at_s=taken_at_s)

    def _tags_of(self, routes: tuple[RouteState, ...]) -> Mapping[str, Mapping[str, str]]:
        arns = [route.rule.arn for route in routes if route.rule is not None]
        return self._ports.router.tags(arns) if arns else {}

    def _tags_soon(self, routes: tuple[RouteState, ...]) -> Mapping[str, Mapping[str, str]]:
        seen = {route.rule.arn: route.rule.tags for route in routes if route.rule is not None}
        (found,) = self._ports.within([partial(self._tags_of, routes)], LEAN_PATIENCE_S)
        return found if found is not None else seen

    def watch(self, snapshot: Snapshot, slot: Slot, *, service: bool) -> Snapshot:
        """Return `snapshot` with one slot's target health as it is now; with `service`, also its service and tasks.

        Where nothing is new it is the same snapshot, not an equal one.
        """
        state = snapshot.slot(slot)
        calls: list[Callable[[], Any]] = [
            partial(self._ports.router.health, group.group.arn) for group in state.groups if group.group is not None
        ]
        healths = iter(self._ports.gather(calls))
        groups = tuple(
            group if group.group is None or (found := next(healths)) == group.targets else replace(group, targets=found)
            for group in state.groups
        )
        seen = state if groups == state.groups else replace(state, groups=groups)
        if service:
            seen = self._with_service(seen)
        return snapshot if seen == state else replace(snapshot, slots={**snapshot.slots, slot: seen})

    def caller(self) -> Caller:
        """Return whose credentials are in use; asked once."""
        if self._caller is None:
            self._caller = self._ports.account.caller()
        return self._caller

    @property
    def known_caller(self) -> Caller:
        """Whose credentials are in use, as far as AWS has said; never asks."""
        return self._caller or Caller(account="unknown", arn="unknown", region=self._spec.region)

    def read_recent_again(self) -> None:
        """Read the newest task definitions again at the next look: one of them may be ours, its answer lost."""
        self._recent_read = False

    def remember(self, definition: TaskDefinition) -> None:
        """Take a task definition that this run registered into every later snapshot."""
        self._definitions[definition.arn] = definition

    def _with_service(self, state: SlotState) -> SlotState:
        name = self._spec.slot(state.slot).service
        services = self._ports.compute.services(self._spec.cluster, [name])
        tasks = self._ports.compute.tasks(self._spec.cluster, name) if name in services else ()
        return replace(state, service=services.get(name), tasks=tasks)

    def _read(self) -> _Found:
        spec, ports = self._spec, self._ports
        names = [spec.slot(slot).service for slot in Slot]
        group_names = [group.name for slot in Slot for group in spec.slot(slot).groups]
        first: list[Callable[[], Any]] = [
            partial(ports.router.load_balancers, self._balancers()),
            partial(ports.router.groups, group_names),
            self._services(names),
            self._once(names),
        ]
        balancers, groups, services, _ = ports.gather(first)
        existing = [group for group in groups.values() if group.load_balancer_arns]
        second: list[Callable[[], Any]] = [
            *(partial(ports.router.rules, balancer) for balancer in balancers),
            *(partial(ports.router.health, group.arn) for group in existing),
            *(partial(ports.compute.tasks, spec.cluster, name) for name in services),
            partial(self._referenced, list(services.values())),
        ]
        answers = ports.gather(second)
        rules, rest = answers[: len(balancers)], answers[len(balancers) :]
        return _Found(
            balancers=balancers,
            rules=tuple(rule for part in rules for rule in part),
            groups=dict(groups),
            services=dict(services),
            health=dict(zip((group.arn for group in existing), rest, strict=False)),
            tasks=dict(zip(services, rest[len(existing) :], strict=False)),
        )

    def _read_lean(self) -> _Found:
        """Return what a way back needs, and what else could be had."""
        ports = self._ports
        names = [self._spec.slot(slot).service for slot in Slot]
        group_names = [group.name for slot in Slot for group in self._spec.slot(slot).groups]
        first: list[Callable[[], Any]] = [
            partial(ports.router.load_balancers, self._balancers()),
            partial(ports.router.groups, group_names),
        ]
        balancers, groups = ports.gather(first)
        rules = ports.gather([partial(ports.router.rules, balancer) for balancer in balancers])
        existing = [group for group in groups.values() if group.load_balancer_arns]
        helpful: list[Callable[[], Any]] = [
            self.caller,
            self._services(names),
            *(partial(ports.router.health, group.arn) for group in existing),
        ]
        _, services, *healths = ports.within(helpful, LEAN_PATIENCE_S)
        seen = {g.arn: health for g, health in zip(existing, healths, strict=True) if health is not None}
        return _Found(
            balancers=balancers,
            rules=tuple(rule for part in rules for rule in part),
            groups=dict(groups),
            services=dict(services) if services is not None else None,
            health=seen,
            tasks={},
        )

    def _balancers(self) -> list[str]:
        """Return the load balancers of all routes."""
        return list(dict.fromkeys(name for name in (self._balancer_of(route) for route in self._spec.routes) if name))

    def _services(self, names: Sequence[str]) -> Callable[[], Any]:
        def read() -> dict[str, Service]:
            self._cluster_found = self._cluster_found or self._ports.compute.cluster_found(self._spec.cluster)
            return dict(self._ports.compute.services(self._spec.cluster, names)) if self._cluster_found else {}

        return read

    def _once(self, names: Sequence[str]) -> Callable[[], None]:
        """Return the reads that are made once per run: the caller, scalable targets, recent revisions."""

        def read() -> None:
            self.caller()
            if self._scalable is None:
                self._scalable = self._ports.account.scalable(self._spec.cluster, names)
            if not self._recent_read:
                for definition in self._ports.compute.latest_definitions(self._spec.family, RECENT_REVISIONS):
                    self._definitions[definition.arn] = definition
                self._recent_read = True

        return read

    def _referenced(self, services: Sequence[Service]) -> None:
        """Read the task definitions that services run or are tagged with, as far as they are not known yet."""
        wanted = {service.task_definition_arn for service in services}
        tagged = [parse_deployment(service.tags.get(key)) for service in services for key in (DEPLOYMENT, BEFORE)]
        wanted |= {f"{self._spec.family}:{tag.revision}" for tag in tagged if tag is not None}
        known = set(self._definitions) | {f"{d.family}:{d.revision}" for d in self._definitions.values()}
        for arn in sorted(wanted - known):
            definition = self._ports.compute.definition(arn)
            if definition is not None:
                self._definitions[definition.arn] = definition

    def _balancer_of(self, route: RouteSpec) -> str:
        return route.load_balancer or self._ports.router.load_balancer_of(route.rule_arn or "")

    def _slot(self, slot: Slot, found: _Found) -> SlotState:
        spec = self._spec.slot(slot)
        groups = tuple(
            GroupState(spec=group, group=found.groups.get(group.name), targets=_health(found, group.name))
            for group in spec.groups
        )
        service = (found.services or {}).get(spec.service)
        return SlotState(slot=slot, service=service, groups=groups, tasks=found.tasks.get(spec.service, ()))

    def _routes(self, found: _Found) -> tuple[RouteState, ...]:
        return tuple(self._route(route, found) for route in self._spec.routes)

    def _route(self, spec: RouteSpec, found: _Found) -> RouteState:
        listener = listener_of_route(spec, self._balancer_of(spec), found.balancers)
        there = [rule for rule in found.rules if stands_on(rule, spec, listener)]
        matching = [rule for rule in there if matches(rule, spec)]
        listeners = [f"{b.name}:{each.port}" for b in found.balancers for each in b.listeners]
        return RouteState(
            spec=spec,
            listener=listener,
            rule=matching[0] if len(matching) == 1 else None,
            matches=len(matching),
            candidates=tuple(map(describe, there)) if listener is not None else tuple(listeners),
        )

    def _strangers(self, found: _Found, known: set[str]) -> tuple[str, ...]:
        own = {group.arn for group in found.groups.values()}
        return tuple(
            describe(rule)
            for rule in found.rules
            if rule.forward is not None
            and rule.forward.groups & own
            and rule.arn not in known
            and rule.arn not in self._spec.ignored
        )

    def _tastes(self, found: _Found, routes: Sequence[RouteState]) -> tuple[tuple[TasteState, ...], tuple[int, ...]]:
        """Return the taste routes, found or free, and the configured taste ports without a listener."""
        states: list[TasteState] = []
        missing: list[int] = []
        taken: dict[str, set[int]] = {}
        for slot in Slot:
            for group in self._spec.slot(slot).groups:
                listeners, absent = self._taste_listeners(slot, group.key, found, routes)
                missing += absent
                for listener in listeners:
                    arn = found.groups[group.name].arn if group.name in found.groups else None
                    rule = self._taste_rule(listener, arn, found)
                    free = None if rule else self._free_priority(listener, found, routes, taken)
                    states.append(
                        TasteState(
                            slot=slot, group_key=group.key, listener=listener, rule=rule, free_priority=free
                        )
                    )  # fmt: skip
        return tuple(states), tuple(dict.fromkeys(missing))

    def _taste_listeners(
        self, slot: Slot, key: str, found: _Found, routes: Sequence[RouteState]
    ) -> tuple[list[Listener], list[int]]:
        if self._spec.taste.ports is not None:
            port = self._spec.taste.ports[slot]
            there = [each for b in found.balancers for each in b.listeners if each.port == port]
            return there, [] if there else [port]
        mine = [route.listener for route in routes if route.listener and route.spec.group_key == key]
        # No secret in clear where the app has HTTPS
        secure = any(route.listener and route.listener.protocol == "HTTPS" for route in routes)
        chosen = [each for each in mine if each.protocol == "HTTPS" or not secure]
        return list(dict.fromkeys(chosen)), []

    def _taste_rule(self, listener: Listener, group_arn: str | None, found: _Found) -> Rule | None:
        if group_arn is None:
            return None
        mine = (
            rule
            for rule in found.rules
            if rule.listener_arn == listener.arn
            and rule.forward is not None
            and rule.forward.groups == frozenset({group_arn})
        )
        return next((rule for rule in mine if self._is_taste(rule)), None)

    def _is_taste(self, rule: Rule) -> bool:
        if len(rule.conditions) != 1 or rule.is_default:
            return False
        condition, taste = rule.conditions[0], self._spec.taste
        if taste.ports is not None:
            return condition.field == "path-pattern" and condition.values == ("/*",)
        header = "cookie" if taste.cookie is not None else taste.header.lower()
        prefix = f"*{taste.cookie}=" if taste.cookie is not None else ""
        named = condition.field == "http-header" and condition.header.lower() == header
        return named and len(condition.values) == 1 and condition.values[0].startswith(prefix)

    def _free_priority(
        self, listener: Listener, found: _Found, routes: Sequence[RouteState], taken: dict[str, set[int]]
    ) -> int | None:
        """Return the highest free priority above the app's lowest production rule on a listener."""
        used = taken.setdefault(
            listener.arn, {rule.priority or 0 for rule in found.rules if rule.listener_arn == listener.arn}
        )
        if self._spec.taste.priority is not None:
            candidates = range(self._spec.taste.priority, LAST_PRIORITY + 1)
        elif self._spec.taste.ports is not None:
            candidates = range(1, LAST_PRIORITY + 1)
        else:
            candidates = range(lowest_priority(listener, routes) - 1, 0, -1)
        free = next((number for number in candidates if number not in used), None)
        if free is not None:
            used.add(free)
        return free


def _health(found: _Found, group_name: str) -> tuple[TargetHealth, ...] | None:
    group = found.groups.get(group_name)
    return found.health.get(group.arn) if group is not None else None


def _tagged(routes: tuple[RouteState, ...], tags: Mapping[str, Mapping[str, str]]) -> tuple[RouteState, ...]:
    """Return the routes with the tags of their rules.

    Raises:
        UnknownAnswerError: a rule is gone since it was read; without its tags no move would seem to be on record.
    """
    gone = {route.rule.arn for route in routes if route.rule is not None} - set(tags)
    if gone:
        message = f"{', '.join(sorted(gone))} went away while it was looked at"
        raise UnknownAnswerError(message, code="Gone", operation="teal")
    return tuple(
        replace(route, rule=replace(route.rule, tags=tags[route.rule.arn])) if route.rule is not None else route
        for route in routes
    )
