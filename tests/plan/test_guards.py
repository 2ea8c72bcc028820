"""The questions that guard every act: invariants, drift, identity, waiting."""

from dataclasses import replace
from fractions import Fraction

import pytest

import seen
from plan import scenes
from plan.scenes import LONG_AGO, NOW_S, Scene
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Intent, Rollback
from teal.model.snapshot import Snapshot, TasteState
from teal.model.step import AwaitWhole, CreateRoute, Hold, Register, Step, UpdateService, WriteRoute
from teal.model.traffic import Forward
from teal.model.workload import Container
from teal.plan.drift import drifted
from teal.plan.facts import Facts
from teal.plan.identity import identity_problems
from teal.plan.invariants import broken
from teal.plan.watch import Done, Failed, NotYet, check, harm
from teal.plan.whole import holds, progress, whole

T = LONG_AGO
HALF = Fraction(1, 2)
TO_B = WriteRoute(index=0, route="r", shares=((Slot.B, 100),))
TO_A = WriteRoute(index=0, route="r", shares=((Slot.A, 100),))
LESS_TO_B = WriteRoute(index=0, route="r", shares=((Slot.A, 90), (Slot.B, 10)))
EVEN = WriteRoute(index=0, route="r", shares=((Slot.A, 50), (Slot.B, 50)))
UPDATE = UpdateService(slot=Slot.B, service="shop-web-b", family="web", revision=43, count=2)


def scene(stage: str, share: Fraction | int, *, at_s: int = T, **more: object) -> Snapshot:
    """Return the app in a move from slot a to slot b."""
    tag = "d7.42.back" if stage == "back" else "d7.42"
    return Scene(move=f"d7.a.b.{stage}.{at_s}", shares=(share,), b=tag, **more).seen()  # type: ignore[arg-type]  # fields of Scene


ON_ONE_OF_TWO = Scene(move=f"d7.a.b.shift.{T}", shares=(HALF, 0), b="d7.42").seen()


def two_revisions(found: Snapshot, slot: Slot = Slot.B) -> Snapshot:
    """Return the app with two revisions in a slot."""
    state = seen.slot_state(slot, seen.service(slot, 42, 40, deployment="d7.42"))
    return replace(found, slots={**found.slots, slot: state})


@pytest.mark.parametrize(
    ("intent", "found", "step", "says"),
    [
        (Deploy(), scene("shift", 0), TO_B, ""),
        (Deploy(), scene("shift", 0, healthy={Slot.B: 0}), TO_B, "I1: shop-web-b has no healthy target"),
        (Rollback(), scene("shift", HALF, healthy={Slot.A: 0}), TO_A, "I1: shop-web-a has no healthy target"),
        (Rollback(force=True), scene("shift", HALF, healthy={Slot.A: 0}), TO_A, ""),
        (Deploy(), two_revisions(scene("shift", 0)), TO_B, "I1: slot b of shop-web holds more than one revision"),
        (Abort(), scene("shift", HALF), TO_A, ""),
        (Rollback(), scene("shift", 0), TO_B, "I10: rollback would send traffic to slot b, where the move went"),
        (Rollback(), scene("prepare", 0), TO_B, ""),
        (Rollback(to_slot=Slot.B), scene("shift", 0), TO_B, ""),
        (Deploy(), replace(scene("shift", 0), taken_at_s=NOW_S - 1.5), TO_B, "I9: the last look is 1.5 s old"),
        (Deploy(), replace(scene("shift", 0), taken_at_s=NOW_S - 1.0), TO_B, ""),
        (Deploy(), scene("shift", HALF, healthy={Slot.B: 0}), LESS_TO_B, ""),  # less is no danger
        (Deploy(), scene("shift", HALF, healthy={Slot.B: 0}), EVEN, ""),  # nor is what there is
        (Rollback(), scene("shift", HALF), EVEN, ""),
        (Abort(), two_revisions(scene("shift", HALF), Slot.A), TO_A, ""),  # where the move came from there is no choice
        (Rollback(to_slot=Slot.B), two_revisions(scene("shift", HALF)), TO_B, ""),
        (Deploy(), scene("shift", 0), CreateRoute(index=0, route="r", slot=Slot.B, tag=None), ""),
        (Deploy(), scene("shift", HALF), UPDATE, "I4: slot b has weight"),
        (Deploy(), ON_ONE_OF_TWO, UPDATE, "I4: slot b has weight"),
        (Deploy(), scene("back", 0, at_s=int(NOW_S) - 60), UPDATE, "I4: slot b had weight a moment ago"),
        (Deploy(), scene("back", 0, at_s=int(NOW_S) - 121), UPDATE, ""),  # the tag's second, and 120 s
        (
            Deploy(),
            scenes.in_lab(scene("back", 0, at_s=int(NOW_S) - 60), 0.5),
            UPDATE,
            "I4: slot b had weight a moment ago",
        ),
        (Deploy(), scenes.in_lab(scene("back", 0, at_s=int(NOW_S) - 61), 0.5), UPDATE, ""),
        (Deploy(), scene("back", 0), UPDATE, ""),
        (Deploy(), scene("prepare", 0), replace(UPDATE, count=1), "I5: shop-web-b would shrink from 2 to 1 tasks"),
        (Deploy(), scene("prepare", 0), replace(UPDATE, count=None), ""),
        (Deploy(), scene("prepare", 0), Register(family="web"), ""),
    ],
)
def test_an_act_that_would_break_an_invariant_is_named(intent: Intent, found: Snapshot, step: Step, says: str) -> None:
    """Each invariant that a step would break is one sentence; a step that breaks none is let through."""
    assert broken(intent, scenes.facts(found), step) == says


def forwards(*shares: tuple[str, int]) -> Snapshot:
    """Return the app with a route that forwards like this."""
    found = scene("done", 0)
    route = found.routes[0]
    assert route.rule is not None
    return replace(found, routes=(replace(route, rule=replace(route.rule, forward=Forward(shares=shares))),))


def redirects() -> Snapshot:
    """Return the app with a route that redirects."""
    found = scene("done", 0)
    route = found.routes[0]
    assert route.rule is not None
    return replace(found, routes=(replace(route, rule=replace(route.rule, forward=None, terminal="redirect")),))


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        (forwards(("tg/a", 1), ("tg/b", 0)), {}),
        (forwards(("tg/a", 0)), {}),  # a single group has it all, whatever its weight says
        (Scene(shares=(None,)).seen(), {}),
        (redirects(), {0: "shop:443 rule 20 does not forward: its action is redirect"}),
        (
            forwards(("arn:targetgroup/other/1", 1)),
            {0: "shop:443 rule 20 forwards to other/1, which is no group of this app"},
        ),
        (forwards(("tg/a", 0), ("tg/b", 0)), {0: "shop:443 rule 20 gives weight to no group at all"}),
    ],
)
def test_shape_drift_needs_no_history(found: Snapshot, reasons: dict[int, str]) -> None:
    """A rule that teal could not have written is not teal's to write."""
    assert drifted(found) == reasons


# Identity


def proved() -> Snapshot:
    """Return the app with slot b proved: two tasks, both targets theirs, a taste rule to its group."""
    tasks = tuple(replace(seen.task(42, at_s=n), address=f"10.0.0.{n}") for n in range(2))
    state = seen.slot_state(Slot.B, seen.service(Slot.B, 42, deployment="d7.42"), tasks=tasks)
    found = scene("prepare", 0)
    rule = replace(found.routes[0].rule, forward=Forward(shares=(("tg/b", 1),)))  # type: ignore[type-var]  # the route exists
    tastes = tuple(
        TasteState(slot=slot, group_key="web:8080", listener=seen.LISTENER, rule=rule) for slot in (Slot.A, Slot.B)
    )
    return replace(found, slots={**found.slots, Slot.B: state}, tastes=tastes)


def with_b(found: Snapshot, **changes: object) -> Snapshot:
    """Return the app with something else in slot b."""
    return replace(found, slots={**found.slots, Slot.B: replace(found.slot(Slot.B), **changes)})  # type: ignore[arg-type]  # fields of SlotState


def taste_to(found: Snapshot, *shares: tuple[str, int]) -> Snapshot:
    """Return the app with the taste rule of slot b forwarding like this; without shares there is none."""
    taste = found.tastes[1]
    assert taste.rule is not None
    rule = replace(taste.rule, forward=Forward(shares=shares)) if shares else None
    return replace(found, tastes=(found.tastes[0], replace(taste, rule=rule)))


STOPPED = replace(seen.task(40, status="STOPPED"), address="10.0.0.7")


def image(digest: str, task: int) -> Snapshot:
    """Return the app with another image in one task of slot b."""
    found = proved()
    tasks = list(found.slot(Slot.B).tasks)
    tasks[task] = replace(tasks[task], containers=(Container(name="web", status="RUNNING", image_digest=digest),))
    return with_b(found, tasks=tuple(tasks))


def targets(*states: tuple[str, str]) -> Snapshot:
    """Return the app with these targets in slot b."""
    found = proved()
    group = found.slot(Slot.B).groups[0]
    template = seen.slot_state(Slot.B, None).groups[0].targets
    assert template is not None
    made = tuple(replace(template[0], target_id=address, state=state) for address, state in states)
    return with_b(found, groups=(replace(group, targets=made),))


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        (proved(), ()),
        (with_b(proved(), tasks=(*proved().slot(Slot.B).tasks, STOPPED)), ()),  # a task that has ended answers nobody
        (
            two_revisions(proved()),
            (
                "slot b does not hold exactly revision 42",
                "slot b has no running task",
                "10.0.0.0, 10.0.0.1 in shop-web-b belong to no running task of slot b",
            ),
        ),
        (taste_to(proved()), ("the taste rule of slot b on listener 443 is missing",)),
        (taste_to(proved(), ("tg/a", 1)), ("the taste rule of slot b forwards elsewhere than to shop-web-b alone",)),
        (image("sha256:2", 0), ("container web runs 2 different images",)),
        (
            with_b(
                proved(),
                tasks=tuple(
                    replace(t, task_definition_arn=seen.definition_arn(40)) for t in proved().slot(Slot.B).tasks
                ),
            ),
            ("task 0 runs web:40", "task 1 runs web:40"),
        ),
        (targets(("10.0.0.0", "healthy"), ("10.0.0.1", "draining")), ("target 10.0.0.1 of shop-web-b is draining",)),
        (
            targets(("10.0.0.0", "healthy"), ("10.0.0.9", "healthy")),
            (
                "10.0.0.9 in shop-web-b belong to no running task of slot b",
                "tasks at 10.0.0.1 are not registered in shop-web-b",
            ),
        ),
    ],
)
def test_the_identity_is_proved_by_the_control_plane(found: Snapshot, problems: tuple[str, ...]) -> None:
    """Taste rule, tasks and targets must all be the requested revision's and nothing else; each doubt is a sentence."""
    assert identity_problems(scenes.spec(), found, Slot.B, 42) == problems


# Waiting

WAIT = AwaitWhole(slot=Slot.B, revision=42, count=2, healthy_for_s=30.0, deadline_at_s=NOW_S + 100)


@pytest.mark.parametrize(
    ("found", "since_s", "step", "now_s", "answer"),
    [
        (scene("prepare", 0), NOW_S - 30, WAIT, NOW_S, Done()),
        (
            scene("prepare", 0),
            NOW_S - 28,
            WAIT,
            NOW_S,
            NotYet(retry_after_s=2.0, progress="2/2 tasks run (0 pending); targets: 2 healthy; steady for 28 s"),
        ),
        (
            scene("prepare", 0),
            None,
            replace(WAIT, count=3),
            NOW_S,
            NotYet(retry_after_s=4.0, progress="2/3 tasks run (0 pending); targets: 2 healthy"),
        ),
        (
            scene("prepare", 0),
            NOW_S - 29.99,
            WAIT,
            NOW_S,
            NotYet(retry_after_s=0.05, progress="2/2 tasks run (0 pending); targets: 2 healthy; steady for 30 s"),
        ),
        (
            scene("prepare", 0),
            None,
            replace(WAIT, healthy_for_s=1.0),
            NOW_S,
            NotYet(retry_after_s=2.0, progress="2/2 tasks run (0 pending); targets: 2 healthy; steady for 0 s"),
        ),
        (
            Scene(move=f"d7.a.b.prepare.{T}", b="d7.1").seen(),
            NOW_S - 30,
            replace(WAIT, revision=None),  # not known yet: whatever is there is not it
            NOW_S,
            NotYet(retry_after_s=4.0, progress="2/2 tasks run (0 pending); targets: 2 healthy"),
        ),
        (
            scene("prepare", 0, healthy={Slot.B: 1}),
            None,
            WAIT,
            NOW_S + 100,
            Failed(
                reason="slot b did not become whole in time: 2/2 tasks run (0 pending); targets: 1 healthy",
                deadline=True,
            ),
        ),
        (scene("prepare", 0, healthy={Slot.B: 0}), None, replace(WAIT, putting_back=True), NOW_S, Done()),
        (
            scene("shift", HALF),
            None,
            Hold(slot=Slot.B, percent=50, lasts_s=60.0, until_s=NOW_S + 3),
            NOW_S,
            NotYet(retry_after_s=3.0, progress="50 % on slot b, 3 s left; 2 healthy"),
        ),
        (scene("shift", HALF), None, Hold(slot=Slot.B, percent=50, lasts_s=60.0, until_s=NOW_S), NOW_S, Done()),
        (scene("shift", HALF), None, Hold(slot=Slot.B, percent=50, lasts_s=60.0, until_s=None), NOW_S, Done()),
    ],
)
def test_a_wait_is_judged_against_a_look(
    found: Snapshot, since_s: float | None, step: AwaitWhole | Hold, now_s: float, answer: object
) -> None:
    """A wait is over, not yet, or has failed; what is missing is said."""
    assert check(step, scenes.spec(), found, scenes.run(whole_since_s=since_s), now_s) == answer


@pytest.mark.parametrize(
    ("time_scale", "poll_s"),
    [(10.0, 4.0), (1.0, 4.0), (0.25, 4.0), (0.2, 3.2), (0.1, 1.6), (0.01, 0.25), (0.001, 0.25)],
)
def test_a_lab_is_looked_at_more_often(time_scale: float, poll_s: float) -> None:
    """Every four seconds on AWS; a lab, whose time is short, a few times as often, and at most four times a second."""
    lab = scenes.in_lab(scene("prepare", 0, healthy={Slot.B: 0}), time_scale)
    answer = check(WAIT, scenes.spec(), lab, scenes.run(), NOW_S)
    assert isinstance(answer, NotYet)
    assert answer.retry_after_s == pytest.approx(poll_s)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (scene("shift", HALF), None),
        (scene("shift", HALF, healthy={Slot.B: 0}), "0 of 2 targets of shop-web-b are healthy"),
        (scene("shift", 0, healthy={Slot.B: 0}), None),
        (scene("done", 1, healthy={Slot.B: 0}), None),
        (Scene(move=f"d7.a.b.shift.{T}", shares=(Fraction(1, 10), 0), b="d7.42").seen(), None),
        (Scene(move=f"d7.none.b.shift.{T}", shares=(1,), a=None, b="d7.42", healthy={Slot.B: 0}).seen(), None),
    ],
)
def test_fewer_than_half_of_green_healthy_is_harm(found: Snapshot, reason: str | None) -> None:
    """While green has weight its own targets are the fastest witness; a first deployment has nowhere to go."""
    why = harm(Facts.of(scenes.spec(len(found.routes)), found, scenes.run(), NOW_S))
    assert (why.reason if why else None) == reason


def test_what_a_slot_holds_is_told_from_its_service() -> None:
    """One deployment, completed, of the revision; where AWS does not say whether it is, the counts do."""
    spec, state = scenes.spec(), scene("held", 0).slot(Slot.B)
    service = state.service
    assert service is not None
    silent = tuple(replace(each, rollout_state="") for each in service.deployments)
    assert holds(spec, replace(state, service=replace(service, deployments=silent)), 42)
    assert not holds(spec, replace(state, service=replace(service, deployments=silent, running=1)), 42)
    assert not holds(spec, replace(state, service=replace(service, status="DRAINING")), 42)
    assert not holds(spec, replace(state, service=None), 42)
    assert not whole(spec, state, 41, 1)
    assert whole(spec, state, 42, 2)
    assert not whole(spec, seen.slot_state(Slot.B, service, healthy=2, sick=1), 42, 2)
    assert not whole(spec, seen.slot_state(Slot.B, service, healthy=1), 42, 2)
    assert whole(spec, seen.slot_state(Slot.B, replace(service, desired=1, running=1), healthy=1), 42, 1)
    sick = seen.slot_state(Slot.B, service, healthy=2, sick=1).groups
    assert not whole(spec, replace(state, groups=(*state.groups, *sick)), 42, 2)
    assert progress(replace(state, service=None), 2) == "no service yet"
    mixed = seen.slot_state(Slot.B, seen.service(Slot.B, 42, 40), healthy=0)
    assert progress(mixed, 2) == "2/2 tasks run (0 pending), 2 revisions; targets: no targets"
