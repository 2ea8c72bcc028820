"""Every question before a deployment touches anything."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import seen
from plan import scenes
from plan.scenes import Scene
from teal.model.identity import Slot
from teal.model.snapshot import GroupState, Snapshot, TasteState
from teal.model.spec import DeploySpec, GroupCreate, Spec, TasteSpec
from teal.model.tags import APP
from teal.model.traffic import Forward, LoadBalancer, Rule, TargetGroup
from teal.model.workload import Service
from teal.plan.check import Check
from teal.plan.preflight import failed_checks, preflight, refusing

BALANCER = LoadBalancer(arn="lb/shop", name="shop", dns_name="shop.test", vpc_id="vpc-1", listeners=(seen.LISTENER,))
Change = Callable[[Spec, Snapshot], tuple[Spec, Snapshot]]


def good() -> tuple[Spec, Snapshot]:
    """Return an app at rest, in which everything fits."""
    found = Scene(move=f"d2.a.b.done.{scenes.LONG_AGO}", shares=(1,), b="d2.42.served").seen()
    return scenes.spec(), replace(found, load_balancers=(BALANCER,))


def world(**changes: object) -> Change:
    """Change the snapshot."""
    return lambda spec, found: (spec, replace(found, **changes))  # type: ignore[arg-type]  # fields of Snapshot


def wanted(**changes: object) -> Change:
    """Change the configuration."""
    return lambda spec, found: (replace(spec, **changes), found)  # type: ignore[arg-type]  # fields of Spec


def service(**changes: object) -> Change:
    """Change the service of slot a."""

    def change(spec: Spec, found: Snapshot) -> tuple[Spec, Snapshot]:
        state = found.slot(Slot.A)
        assert isinstance(state.service, Service)
        made = replace(state, service=replace(state.service, **changes))  # type: ignore[arg-type]  # fields of Service
        return spec, replace(found, slots={**found.slots, Slot.A: made})

    return change


def group(**changes: object) -> Change:
    """Change the target group of slot a."""

    def change(spec: Spec, found: Snapshot) -> tuple[Spec, Snapshot]:
        state = found.slot(Slot.A)
        assert isinstance(state.groups[0].group, TargetGroup)
        made = replace(state.groups[0], group=replace(state.groups[0].group, **changes))  # type: ignore[arg-type]  # fields of TargetGroup
        return spec, replace(found, slots={**found.slots, Slot.A: replace(state, groups=(made,))})

    return change


def no_group(*, create: bool) -> Change:
    """Take the target group of slot a away."""

    def change(spec: Spec, found: Snapshot) -> tuple[Spec, Snapshot]:
        state = found.slot(Slot.A)
        missing = replace(seen.group_of(Slot.A), create=GroupCreate() if create else None)
        made = replace(state, service=None, groups=(GroupState(spec=missing, group=None),))
        return spec, replace(found, slots={**found.slots, Slot.A: made})

    return change


def lost_group(spec: Spec, found: Snapshot) -> tuple[Spec, Snapshot]:
    """Take the target group of slot a away from under its service."""
    state = found.slot(Slot.A)
    made = replace(state, groups=(GroupState(spec=seen.group_of(Slot.A), group=None),))
    return spec, replace(found, slots={**found.slots, Slot.A: made})


def route(**changes: object) -> Change:
    """Change what was found of the route."""
    return lambda spec, found: (spec, replace(found, routes=(replace(found.routes[0], **changes),)))  # type: ignore[arg-type]  # fields of RouteState


def rule(**changes: object) -> Change:
    """Change the rule of the route."""

    def change(spec: Spec, found: Snapshot) -> tuple[Spec, Snapshot]:
        assert isinstance(found.routes[0].rule, Rule)
        made = replace(found.routes[0].rule, **changes)  # type: ignore[arg-type]  # fields of Rule
        return spec, replace(found, routes=(replace(found.routes[0], rule=made),))

    return change


def taste(priority: int | None) -> TasteState:
    """Return a taste route that does not exist yet."""
    return TasteState(slot=Slot.A, group_key="web:8080", listener=seen.LISTENER, rule=None, free_priority=priority)


CREATED = replace(scenes.routes(1, create=True)[0], priority=20)


@pytest.mark.parametrize(
    ("change", "exit_code", "says"),
    [
        (wanted(account="1"), 2, "the credentials are of account 123456789012, the configuration says 1"),
        (world(cluster_found=False), 2, "there is no active cluster prod in eu-west-1"),
        (world(load_balancers=()), 2, "there is no load balancer shop"),
        (route(rule=None, listener=None, candidates=("shop:80",)), 2, "there is no such listener"),
        (route(rule=None, matches=2, candidates=("x", "y")), 2, "2 rules match"),
        (route(rule=None, matches=0), 2, "there is no such rule"),
        (rule(forward=None, terminal="redirect"), 7, "does not forward: its action is redirect"),
        (
            rule(forward=Forward(shares=(("arn:targetgroup/x/1", 1),))),
            7,
            "forwards to x/1, which is no group of this app",
        ),
        (rule(authenticates=True), 2, "authenticates: a taste rule beside it would let people in without"),
        (world(strangers=("rule 77",)), 2, "rule 77 forwards to a group of this app and is no route"),
        (no_group(create=False), 2, "does not exist"),
        (lost_group, 2, "is not attached to exactly the target groups of its slot"),
        (group(target_type="instance"), 2, "is of target type instance"),
        (group(load_balancer_arns=("lb/other",)), 2, "is attached to another load balancer: lb/other"),
        (group(sticky=True), 2, "has target stickiness, which a stepped flip would break"),
        (group(protocol_version="GRPC"), 2, "speaks HTTP1, shop-web-a GRPC"),
        (world(taste_listeners_missing=(9001,)), 2, "there is no listener on port 9001"),
        (world(tastes=(taste(None),)), 2, "there is no free priority for a taste rule on listener 443"),
        (world(scalable=frozenset({"shop-web-a"})), 2, "is a scalable target"),
        (service(unsupported=("serviceRegistries",)), 2, "uses serviceRegistries, which two slots cannot share"),
        (service(status="DRAINING"), 2, "is DRAINING"),
        (service(task_definition_arn="other:3"), 2, "runs family other, the task definition says web"),
        (service(target_group_arns=("tg/x",)), 2, "is not attached to exactly the target groups of its slot"),
        (service(tags={APP: "other"}), 2, "belongs to app other"),
    ],
)
def test_what_does_not_fit_is_refused(change: Change, exit_code: int, says: str) -> None:
    """Each thing that does not fit is one bad answer with its exit code; nothing is guessed."""
    bad = refusing(preflight(*change(*good())))
    assert any(says in check.message and check.exit_code == exit_code for check in bad), [c.message for c in bad]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (wanted(), "shop:443 rule 20 is found"),
        (wanted(account="123456789012"), "123456789012 in eu-west-1 as arn"),
        (route(rule=None, matches=0, spec=CREATED), "shop:443 rule 20 will be created"),
        (no_group(create=True), "will be created"),
        (group(load_balancer_arns=()), "exists; a taste rule will attach it"),
        (world(tastes=(taste(7),)), "exists, 2/2 tasks"),
    ],
)
def test_what_fits_is_said_too(change: Change, says: str) -> None:
    """Good answers are answers: what is there, and what will be made."""
    checks = preflight(*change(*good()))
    assert refusing(checks) == ()
    assert any(says in check.message for check in checks)


@pytest.mark.parametrize(
    "change",
    [
        wanted(routes=(replace(seen.ROUTE, load_balancer="", rule_arn="rule/20", priority=None),)),  # it says the rest
        lambda spec, found: group(sticky=True)(replace(spec, deploy=DeploySpec()), found),  # nothing is split
    ],
)
def test_what_does_no_harm_is_let_through(change: Change) -> None:
    """Nobody is stopped by what is not asked of him, nor by what could only break a split."""
    assert refusing(preflight(*change(*good()))) == ()


ACCOUNT = "account: 123456789012 in eu-west-1 as arn:aws:sts::123456789012:assumed-role/deploy/ci"


def test_every_question_has_its_answer_in_the_order_a_person_would_ask() -> None:
    """What is there is told thing by thing, and what will be made of what is not."""
    spec, found = good()
    first = [
        ACCOUNT,
        "cluster: cluster prod is active",
        "load balancer: shop exists",
        "route: shop:443 rule 20 is found",
    ]
    told = [f"{check.name}: {check.message}" for check in preflight(spec, found)]
    assert told == [
        *first,
        *[f"target group shop-web-{slot}: exists" for slot in Slot],
        *[f"service shop-web-{slot}: exists, 2/2 tasks" for slot in Slot],
    ]
    told = [f"{check.name}: {check.message}" for check in preflight(*no_group(create=True)(spec, found))]
    assert told == [
        *first,
        "target group shop-web-a: will be created",
        "target group shop-web-b: exists",
        "service shop-web-a: will be created",
        "service shop-web-b: exists, 2/2 tasks",
    ]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (route(rule=None, listener=None, candidates=("shop:80",)), "listeners there: shop:80"),
        (route(rule=None, listener=None), "listeners there: none"),
        (route(rule=None, matches=2, candidates=("x", "y")), "name one by rule_arn: x; y"),
        (route(rule=None, matches=0, candidates=("x",)), "add `create:`, or name one of: x"),
        (route(rule=None, matches=0), "add `create:`, or name one of: none"),
    ],
)
def test_a_route_that_is_not_found_says_what_is_there(change: Change, hint: str) -> None:
    """Whoever has mistyped a route reads the ones that he may have meant."""
    (check,) = refusing(preflight(*change(*good())))
    assert check.hint == hint


def test_every_group_has_a_twin_that_speaks_as_it_does() -> None:
    """Each pair of groups is compared; one that is still to be made does not hide the next."""
    spec, found = good()
    slots = {}
    for slot in Slot:
        (known,) = found.slot(slot).groups
        assert known.group is not None
        version = "HTTP2" if slot is Slot.A else "HTTP1"
        second = replace(
            known,
            spec=replace(known.spec, name=f"grpc-{slot}", port=9090),
            group=replace(known.group, arn=f"tg/grpc-{slot}", name=f"grpc-{slot}", protocol_version=version),
        )
        first = replace(known, group=None) if slot is Slot.A else known
        slots[slot] = replace(found.slot(slot), groups=(first, second))
    told = [check.message for check in refusing(preflight(spec, replace(found, slots=slots)))]
    assert "speaks HTTP1, grpc-a HTTP2" in told


def test_a_missing_taste_port_names_the_command_that_makes_it() -> None:
    """The hint of a missing listener is a command that can be copied; without a load balancer it says less."""
    spec, found = good()
    spec = replace(spec, taste=TasteSpec(ports={Slot.A: 9001, Slot.B: 9002}))
    for balancers, named in (((BALANCER,), "--load-balancer-arn lb/shop "), ((), "--load-balancer-arn … ")):
        missing = replace(found, load_balancers=balancers, taste_listeners_missing=(9001,))
        (check,) = [each for each in refusing(preflight(spec, missing)) if each.name == "taste"]
        assert named in check.hint


def test_what_failed_is_told_one_line_each() -> None:
    """Each check is named with what is wrong, and with what to do about it where that is known."""
    bad = (
        Check(name="cluster", state="bad", message="there is no cluster", hint="create it"),
        Check(name="route", state="bad", message="2 rules match"),
    )
    assert failed_checks(bad) == "cluster: there is no cluster (create it)\nroute: 2 rules match"
