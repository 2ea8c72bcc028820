"""Capacity, content and identity are looked at again while green has weight, and on the way back."""

from dataclasses import replace
from fractions import Fraction

import pytest

import seen
from plan import scenes
from plan.scenes import NOW_S, Scene
from plan.words import BACK_B, HALF, MARKED, TAKEN_BACK, TENTH, TO_A_1, T, scene
from teal.model.decision import Decision, Refused
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.step import UpdateService
from teal.plan.facts import Facts
from teal.plan.invariants import broken
from teal.plan.planner import plan
from teal.plan.situation import Row, classify
from teal.plan.watch import harm

MORE_GREEN = "bring service shop-web-b (slot b) to 4 tasks"
WAIT_GREEN = "wait until slot b is whole: 4 tasks of one revision, all healthy"
HALF_1 = "send 50 % → slot a, 50 % → slot b on shop:443 rule 20"


def sized(found: Scene | Snapshot, slot: Slot, desired: int, *states: str) -> Snapshot:
    """Return the app with so many tasks wanted in a slot, and with these targets where any are given."""
    world = found.seen() if isinstance(found, Scene) else found
    state = world.slot(slot)
    assert state.service is not None
    service = replace(state.service, desired=desired, running=max(desired, len(states)))
    groups = state.groups
    if states:
        template = (groups[0].targets or ())[0]
        made = tuple(replace(template, target_id=f"10.0.1.{n}", state=name) for n, name in enumerate(states))
        groups = (replace(groups[0], targets=made),)
    return replace(world, slots={**world.slots, slot: replace(state, service=service, groups=groups)})


def decided(intent: Intent, world: Snapshot, **known: object) -> Decision:
    """Return what is decided."""
    return plan(intent, scenes.spec(len(world.routes)), world, scenes.run(**known), NOW_S)


@pytest.mark.parametrize("intent", [Deploy(), Flip()])
@pytest.mark.parametrize(
    ("world", "first"),
    [
        (sized(scene("shift", TENTH), Slot.A, 4), [MORE_GREEN, WAIT_GREEN]),
        (sized(sized(scene("shift", TENTH), Slot.A, 4), Slot.B, 4), [WAIT_GREEN]),
        (sized(sized(scene("shift", TENTH), Slot.A, 4), Slot.B, 4, *["healthy"] * 4), []),
        (sized(scene("shift", TENTH), Slot.A, 1), []),
    ],
)
def test_green_has_what_blue_has_before_the_next_weight(intent: Intent, world: Snapshot, first: list[str]) -> None:
    """Where blue grew, green is given as many tasks, and they are awaited, before it is given more weight."""
    steps = scenes.sentences(decided(intent, world, raised_from=2))
    assert steps[: len(first)] == first
    assert steps[len(first) : len(first) + 2] == ["record that traffic is about to shift a → b, 50 %", HALF_1]


@pytest.mark.parametrize(
    ("count", "healthy", "waits"), [(10, 10, False), (10, 9, False), (10, 8, True), (11, 9, True), (2, 1, True)]
)
def test_nine_tenths_of_green_are_enough_to_go_on(count: int, healthy: int, waits: bool) -> None:  # noqa: FBT001 - a table's column
    """A target that is sick for a moment does not hold a flip up; more than one in ten are waited for."""
    states = ["healthy"] * healthy + ["unhealthy"] * (count - healthy)
    world = sized(sized(scene("shift", TENTH), Slot.A, count), Slot.B, count, *states)
    first = scenes.sentences(decided(Deploy(), world))[0]
    assert first.startswith("wait until slot b is whole" if waits else "record that traffic is about to shift")


def test_with_all_the_weight_nobody_asks_for_more() -> None:
    """Baking is watched for health; capacity was asked for before the last weight."""
    steps = scenes.sentences(decided(Deploy(), sized(scene("shift", 1), Slot.A, 4)))
    assert MORE_GREEN not in steps


ADDED = ("healthy", "healthy", "initial", "initial", "initial", "initial", "initial", "initial")


@pytest.mark.parametrize(
    ("desired", "states", "before", "reason"),
    [
        (2, ("healthy", "unhealthy"), None, None),
        (1, ("unhealthy",), None, "0 of 1 targets of shop-web-b are healthy"),
        (0, ("draining",), None, "0 of 1 targets of shop-web-b are healthy"),
        (10, ("healthy", "initial"), None, "1 of 10 targets of shop-web-b are healthy"),
        (2, ("healthy", "unhealthy", "unhealthy"), None, "1 of 3 targets of shop-web-b are healthy"),
        (2, ("healthy", "draining", "draining"), None, None),
        (8, ADDED, None, "2 of 8 targets of shop-web-b are healthy"),
        (8, ADDED, 2, None),
        (8, ADDED[1:], 3, "1 of 3 targets of shop-web-b are healthy"),
        (8, ("healthy", *["unhealthy"] * 3), 2, "1 of 4 targets of shop-web-b are healthy"),
    ],
)
def test_health_is_measured_by_what_is_wanted(
    desired: int, states: tuple[str, ...], before: int | None, reason: str | None
) -> None:
    """Tasks that are gone count as sick; those that this run has just added count once they have been checked."""
    world = sized(scene("shift", HALF), Slot.B, desired, *states)
    why = harm(Facts.of(scenes.spec(), world, scenes.run(raised_from=before), NOW_S))
    assert (why.reason if why else None) == reason


@pytest.mark.parametrize("share", [TENTH, HALF, Fraction(1)])
def test_another_revision_under_weight_is_harm_that_judges_nobody(share: Fraction) -> None:
    """A green whose service somebody else updated goes back with exit 7; its own revision is not marked."""
    world = scene("shift", share).seen()
    other = seen.slot_state(Slot.B, seen.service(Slot.B, 40, deployment="d7.42"))
    why = harm(
        Facts.of(scenes.spec(), replace(world, slots={**world.slots, Slot.B: other}), scenes.run(), NOW_S)
    )  # fmt: skip
    assert why is not None
    assert (why.exit_code, why.judged, "does not hold revision 42 alone" in why.reason) == (7, False, True)


@pytest.mark.parametrize("intent", [Rollback(), Abort(), Deploy()])
def test_a_way_back_raises_blue_to_green(intent: Intent) -> None:
    """What green carried blue must carry: after weights, tag and verdict it is asked for as many tasks."""
    world = sized(scene("shift", HALF), Slot.B, 4, *["healthy"] * 4)
    known = {"turn_back": TurnBack(reason="sick")} if isinstance(intent, Deploy) else {}
    marked = [] if isinstance(intent, Abort) else [MARKED]
    raised = "bring service shop-web-a (slot a) to 4 tasks"
    assert scenes.sentences(decided(intent, world, **known)) == [TO_A_1, BACK_B, *marked, raised, TAKEN_BACK]


def test_more_of_the_same_harms_no_slot_with_weight() -> None:
    """A slot with weight is not updated (I4); being given more tasks of what it runs is no update."""
    step = UpdateService(slot=Slot.B, service="shop-web-b", family="web", revision=None, count=4, settings=False)
    world = scene("shift", HALF).seen()
    assert broken(Deploy(), scenes.facts(world), step) == ""
    assert broken(Deploy(), scenes.facts(world), replace(step, settings=True)) == "I4: slot b has weight"
    assert broken(Deploy(), scenes.facts(world), replace(step, count=1)).startswith("I5: ")


def test_what_is_deployed_and_serves_nobody_is_refused() -> None:
    """The content asked for is there, and no target of it is healthy: exit 5 with what helps."""
    world = scene("done", 1, b="d7.42.served").seen()
    sick = seen.slot_state(Slot.B, seen.service(Slot.B, 42, deployment="d7.42.served"), healthy=0, sick=2)
    decision = decided(Deploy(), replace(world, slots={**world.slots, Slot.B: sick}))
    assert isinstance(decision, Refused)
    assert (decision.exit_code, decision.message) == (
        5,
        "revision 42 is deployed, and serves nobody: slot b has no healthy target in shop-web-b",
    )


@pytest.mark.parametrize(
    ("stage", "shares", "row"),
    [
        ("prepare", (0, 0), Row.NOTHING_GOOD),
        ("prepare", (TENTH, TENTH), Row.UNKNOWN),
        ("held", (0, 0), Row.HELD),
        ("held", (TENTH, 0), Row.LATE_WRITE),
        ("shift", (0, 0), Row.ANNOUNCED),
        ("shift", (TENTH, TENTH), Row.STEP),
        ("shift", (HALF, TENTH), Row.WRITING),
        ("shift", (1, 1), Row.BAKING),
        ("done", (1, 1), Row.AT_REST),
        ("done", (0, 1), Row.ROLLING_BACK),
        ("back", (0, 0), Row.ROLLED_BACK),
        ("back", (0, TENTH), Row.LATE_AFTER),
    ],
)
def test_without_ecs_the_tag_that_goes_with_the_stage_is_assumed(
    stage: str, shares: tuple[Fraction | int, ...], row: Row
) -> None:
    """A way back with weight in it is known from rules and their tags alone; of what is there no revision is named."""
    none = Scene(move=f"d7.a.b.{stage}.{T}", shares=shares, a=None, b=None).seen()
    found = classify(scenes.spec(len(shares)), replace(none, services_known=False))
    assert found.row == row
    assert found.deployment is None or found.deployment.revision == 0


def test_what_ecs_alone_could_explain_is_refused_with_that_reason() -> None:
    """Weight on a slot that is only being prepared is explained by its service's tag: without ECS nobody guesses."""
    none = Scene(move=f"d7.a.b.prepare.{T}", shares=(TENTH,), a=None, b=None).seen()
    decision = plan(Rollback(), scenes.spec(1), replace(none, services_known=False), scenes.run(), NOW_S)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, "ECS does not answer" in decision.message) == (7, True)


@pytest.mark.parametrize("share", [TENTH, HALF, Fraction(1)])
def test_the_first_deployment_is_ended_by_abort(share: Fraction) -> None:
    """Rollback of a first deployment that has not ended has nothing to go back to; the hint names `teal abort`."""
    found = Scene(move=f"d7.none.b.shift.{T}", shares=(share, None) if share == 1 else (share,), a=None, b="d7.42")
    decision = scenes.decide(Rollback(), found)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, decision.hint) == (5, "`teal abort` takes the first deployment back")
