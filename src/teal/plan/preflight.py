"""Every question that must be answered before a deployment touches anything."""

from collections.abc import Iterator

from teal.model.identity import Slot
from teal.model.snapshot import RouteState, SlotState, Snapshot
from teal.model.spec import Spec
from teal.model.tags import APP
from teal.model.workload import Service, revision_of
from teal.plan.check import Check
from teal.plan.drift import UNKNOWN_RULE_HINT, shape_drift


def preflight(spec: Spec, snapshot: Snapshot) -> tuple[Check, ...]:
    """Return the answers, good and bad, in the order a person would ask."""
    found = [*_account(spec, snapshot), *_balancers(spec, snapshot)]
    for route in snapshot.routes:
        found += _route(route)
    found += [*_strangers(snapshot), *_groups(spec, snapshot), *_tastes(spec, snapshot), *_services(spec, snapshot)]
    return tuple(found)


def refusing(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return the checks that stop a deployment."""
    return tuple(check for check in checks if check.state == "bad")


def failed_checks(bad: tuple[Check, ...]) -> str:
    """Return what is wrong and what to do about it, one line each."""
    lines = [f"{check.name}: {check.message}" + (f" ({check.hint})" if check.hint else "") for check in bad]
    return "\n".join(lines)


def _good(name: str, message: str) -> Check:
    return Check(name=name, state="ok", message=message)


def _bad(name: str, message: str, hint: str = "", exit_code: int = 2) -> Check:
    return Check(name=name, state="bad", message=message, hint=hint, exit_code=exit_code)


def _account(spec: Spec, snapshot: Snapshot) -> Iterator[Check]:
    caller = snapshot.caller
    if spec.account is not None and spec.account != caller.account:
        message = f"the credentials are of account {caller.account}, the configuration says {spec.account}"
        yield _bad("account", message, "use the right profile, or correct `account`")
    else:
        yield _good("account", f"{caller.account} in {caller.region} as {caller.arn}")
    if snapshot.cluster_found:
        yield _good("cluster", f"cluster {spec.cluster} is active")
    else:
        message = f"there is no active cluster {spec.cluster} in {caller.region}"
        yield _bad("cluster", message, f"aws ecs create-cluster --cluster-name {spec.cluster}")


def _balancers(spec: Spec, snapshot: Snapshot) -> Iterator[Check]:
    known = {name for balancer in snapshot.load_balancers for name in (balancer.name, balancer.arn)}
    for wanted in dict.fromkeys(route.load_balancer for route in spec.routes if route.load_balancer):
        if wanted in known:
            yield _good("load balancer", f"{wanted} exists")
        else:
            yield _bad("load balancer", f"there is no load balancer {wanted}", "aws elbv2 describe-load-balancers")


def _route(route: RouteState) -> Iterator[Check]:
    spec = route.spec
    seen = "; ".join(route.candidates) or "none"
    if route.listener is None and route.rule is None:
        yield _bad("route", f"{spec.where}: {spec}: there is no such listener", f"listeners there: {seen}")
    elif route.matches > 1:
        yield _bad("route", f"{spec.where}: {spec}: {route.matches} rules match", f"name one by rule_arn: {seen}")
    elif route.rule is None and spec.create is None:
        hint = f"add `create:`, or name one of: {seen}"
        yield _bad("route", f"{spec.where}: {spec}: there is no such rule", hint)
    elif route.rule is None:
        yield _good("route", f"{spec} will be created")
    else:
        yield _existing(route)


def _existing(route: RouteState) -> Check:
    # A wrong shape is drift, exit 7, not a mistake of the configuration.
    reason = shape_drift_of_rule(route)
    if reason:
        hint = "point the rule at one group of this app, or correct `routes`"
        return _bad("route", reason, hint, exit_code=7)
    return _good("route", f"{route.spec} is found")


def shape_drift_of_rule(route: RouteState) -> str:
    """Say what is wrong with a rule that does not forward at all; groups are judged against a whole snapshot."""
    if route.rule is not None and route.rule.forward is None:
        return f"{route.spec} does not forward: its action is {route.rule.terminal}"
    return ""


def _strangers(snapshot: Snapshot) -> Iterator[Check]:
    for route in snapshot.routes:
        reason = shape_drift(snapshot, route)
        if reason and route.rule is not None and route.rule.forward is not None:
            hint = "point the rule at one group of this app, or correct `routes`"
            yield _bad("route", reason, hint, exit_code=7)
    for stranger in snapshot.strangers:
        reason = f"{stranger} forwards to a group of this app and is no route"
        yield _bad("other rules", reason, UNKNOWN_RULE_HINT)


def _groups(spec: Spec, snapshot: Snapshot) -> Iterator[Check]:
    balancers = {balancer.arn for balancer in snapshot.load_balancers}
    for slot in Slot:
        for state in snapshot.slot(slot).groups:
            name, group = f"target group {state.spec.name}", state.group
            if group is None and state.spec.create is None:
                yield _bad(name, "does not exist", "add `create:` to it, or create it")
            elif group is None:
                yield _good(name, "will be created")
            elif group.target_type != "ip":
                yield _bad(name, f"is of target type {group.target_type}; teal needs `ip` (awsvpc)")
            elif set(group.load_balancer_arns) - balancers:
                other = ", ".join(sorted(set(group.load_balancer_arns) - balancers))
                yield _bad(name, f"is attached to another load balancer: {other}")
            elif group.sticky and any(step.percent < 100 for step in spec.deploy.shift):  # noqa: PLR2004 - percent
                yield _bad(name, "has target stickiness, which a stepped flip would break", "use shift: all_at_once")
            else:
                yield _good(name, "exists" if group.load_balancer_arns else "exists; a taste rule will attach it")
    yield from _twins(snapshot)


def _twins(snapshot: Snapshot) -> Iterator[Check]:
    for mine in snapshot.slot(Slot.A).groups:
        one, other = mine.group, snapshot.slot(Slot.B).group(mine.spec.key).group
        if one is None or other is None:
            continue
        if (one.protocol, one.protocol_version) != (other.protocol, other.protocol_version):
            yield _bad(
                f"target group {other.name}", f"speaks {other.protocol_version}, {one.name} {one.protocol_version}"
            )


def _tastes(spec: Spec, snapshot: Snapshot) -> Iterator[Check]:
    authenticating = [route for route in snapshot.routes if route.rule is not None and route.rule.authenticates]
    if authenticating and spec.taste.ports is None:
        message = f"{authenticating[0].spec} authenticates: a taste rule beside it would let people in without"
        yield _bad("taste", message, "taste by port: `taste: {ports: {a: 9001, b: 9002}}` names two other listeners")
    for port in snapshot.taste_listeners_missing:
        arn = snapshot.load_balancers[0].arn if snapshot.load_balancers else "…"
        hint = (
            f"aws elbv2 create-listener --load-balancer-arn {arn} --protocol HTTP --port {port} "
            "--default-actions Type=fixed-response,FixedResponseConfig={StatusCode=404}"
        )
        yield _bad("taste", f"there is no listener on port {port}", hint)
    for taste in snapshot.tastes:
        if taste.rule is None and taste.free_priority is None:
            message = f"there is no free priority for a taste rule on listener {taste.listener.port}"
            yield _bad("taste", message, "set `taste: {priority: …}`, or move the production rule down")


def _services(spec: Spec, snapshot: Snapshot) -> Iterator[Check]:
    for slot in Slot:
        state, name = snapshot.slot(slot), f"service {spec.slot(slot).service}"
        if state.service is None:
            yield _good(name, "will be created")
            continue
        message, hint = _service_problem(spec, snapshot, state, state.service)
        if message:
            yield _bad(name, message, hint)
        else:
            yield _good(name, f"exists, {state.service.running}/{state.service.desired} tasks")


def _service_problem(spec: Spec, snapshot: Snapshot, state: SlotState, service: Service) -> tuple[str, str]:
    """Return what is wrong with a service that exists, and what to do; empty texts when nothing is."""
    wanted = {group.group.arn for group in state.groups if group.group is not None}
    family = revision_of(service.task_definition_arn)[0]
    problems = (
        (service.name in snapshot.scalable, "is a scalable target; Application Auto Scaling is not handled yet", ""),
        (bool(service.unsupported), f"uses {', '.join(service.unsupported)}, which two slots cannot share", ""),
        (service.status != "ACTIVE", f"is {service.status}", "wait until it is gone, then run again"),
        (family != spec.family, f"runs family {family}, the task definition says {spec.family}", ""),
        (wanted != set(service.target_group_arns), "is not attached to exactly the target groups of its slot", ""),
        (service.tags.get(APP, spec.app) != spec.app, f"belongs to app {service.tags.get(APP)}", ""),
    )
    return next(((message, hint) for wrong, message, hint in problems if wrong), ("", ""))
