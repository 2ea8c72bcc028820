"""What a newcomer gets: its tasks, its settings, its time, a rest before it, and what is kept in mind of its slot."""

from dataclasses import replace
from typing import TypeVar

import pytest

import seen
from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import PREPARED, WHOLE_B, T, scene
from teal.model.decision import Steps
from teal.model.identity import Slot
from teal.model.run import Deploy, Flip, Intent, TurnBack
from teal.model.snapshot import GroupState, SlotState, Snapshot, TasteState
from teal.model.spec import DeploySpec, Spec
from teal.model.step import AwaitWhole, CreateService, Hold, TagDeployment, UpdateService
from teal.plan.forward import taste
from teal.plan.planner import plan

PREPARING = scene("prepare", 0)
ADOPTED = Scene(shares=(0,), a="", b=None)
FIRST = Scene(shares=(None,), a=None, b=None, create=True)
Kind = TypeVar("Kind")


def first_of(kind: type[Kind], intent: Intent, found: Snapshot, wanted: Spec | None = None) -> Kind:
    """Return the first step of a kind in a plan."""
    decision = plan(intent, wanted or scenes.spec(image="shop/web:1.43"), found, scenes.run(), NOW_S)
    assert isinstance(decision, Steps), decision
    return next(step for step in decision.steps if isinstance(step, kind))


@pytest.mark.parametrize(
    ("b", "before", "wrote"),
    [
        ("d2.40.served", "", "d2.40.served"),
        ("d2.40.back", "", "d2.40.back"),
        ("d2.40", "d1.39.served", None),  # it never came to be whole: what was before it is still what was before
        ("", "", None),
    ],
)
def test_what_the_slot_held_whole_is_kept_in_mind(b: str, before: str, wrote: str | None) -> None:
    """`teal:before` names what is put back when the newcomer fails; a newcomer that failed before it is not that."""
    found = Scene(move=f"d7.a.b.prepare.{T}", b=b, before=before).seen()
    assert first_of(TagDeployment, Deploy(), found).before == wrote


def test_going_on_does_not_name_the_newcomer_as_what_was_before_it() -> None:
    """A run that registered its revision after it tagged the slot corrects the tag, and keeps what was before."""
    found = Scene(move=f"d9.a.b.prepare.{T}", b="d9.40", before="d2.39.served").seen()
    assert first_of(TagDeployment, Deploy(replace=True), found, scenes.spec(image="shop/web:1.43")).before is None


def sized(found: Snapshot, slot: Slot, desired: int, running: int | None = None) -> Snapshot:
    """Return the app with so many tasks in a slot."""
    state = found.slot(slot)
    assert state.service is not None
    service = replace(state.service, desired=desired, running=desired if running is None else running)
    return replace(found, slots={**found.slots, slot: replace(state, service=service)})


@pytest.mark.parametrize(
    ("blue", "runs", "green", "configured", "copied", "count"),
    [
        (2, 2, 2, None, None, None),
        (4, 4, 2, None, None, 4),
        (2, 5, 2, None, None, 5),
        (2, 2, 3, None, None, None),  # never fewer than it has
        (2, 2, 2, 3, None, 3),
        (2, 2, 2, None, 3, 3),
        (1, 1, 1, None, None, None),
    ],
)
def test_how_many_tasks_a_newcomer_gets(
    blue: int, runs: int, green: int, configured: int | None, copied: int | None, count: int | None
) -> None:
    """As many as blue wants and runs, as many as either file asks for, never fewer than there are; None leaves them."""
    found = sized(sized(scene("prepare", 0, b="d2.40.served").seen(), Slot.A, blue, runs), Slot.B, green)
    wanted = replace(
        scenes.spec(image="shop/web:1.43", deploy=DeploySpec(count=configured)),
        service={} if copied is None else {"desiredCount": copied},
    )
    step = first_of(UpdateService, Deploy(), found, wanted)
    awaited = first_of(AwaitWhole, Deploy(), found, wanted)
    assert (step.revision, step.count, step.settings) == (43, count, False)
    assert awaited.count == max(blue, runs, green, configured or 1, copied or 1)


@pytest.mark.parametrize(
    ("configured", "copied", "count"), [(None, None, 1), (3, None, 3), (None, 3, 3), (3, 2, 3), (2, 3, 3)]
)
def test_how_many_tasks_the_first_deployment_has(configured: int | None, copied: int | None, count: int) -> None:
    """Where nothing serves, what is configured counts, and one task at least."""
    wanted = replace(
        scenes.spec(create=True, deploy=DeploySpec(count=configured)),
        service={} if copied is None else {"desiredCount": copied},
    )
    found = FIRST.seen()
    assert first_of(CreateService, Deploy(), found, wanted).count == count


@pytest.mark.parametrize(
    "settings",
    [
        {"breaker_enabled": False},
        {"breaker_rolls_back": True},
        {"minimum_healthy_percent": 50},
        {"maximum_percent": 150},
    ],
)
def test_a_newcomer_is_deployed_as_teal_deploys(settings: dict[str, int]) -> None:
    """Of a service that rolls out otherwise the settings are set, though its revision and its count are right."""
    found = PREPARING.seen()
    service = found.slot(Slot.B).service
    assert service is not None
    state = replace(found.slot(Slot.B), service=replace(service, **settings))  # type: ignore[arg-type]  # fields of Service
    step = first_of(UpdateService, Deploy(), replace(found, slots={**found.slots, Slot.B: state}), scenes.spec())
    assert (step.revision, step.count, step.settings) == (None, None, True)


def test_the_adopted_slot_is_recorded_once_and_only_where_it_serves() -> None:
    """What a person made and serves is recorded before anything else; a rule without a service behind it is not."""
    nothing = Scene(shares=(0,), a=None, b=None).seen()
    decision = plan(Deploy(), scenes.spec(image="shop/web:1.43"), nothing, scenes.run(), NOW_S)
    assert sentences(decision)[0] == PREPARED


def tastes(*free: int | None) -> tuple[TasteState, ...]:
    """Return taste rules that are missing, with the priorities that they would get."""
    return tuple(
        TasteState(slot=slot, group_key="web:8080", listener=seen.LISTENER, rule=None, free_priority=priority)
        for slot, priority in zip(Slot, free, strict=False)
    )


def test_a_missing_taste_rule_is_made_before_a_slot_is_updated_or_put_back() -> None:
    """Without it ECS takes no update of the slot: where it is missing it is made first, forwards and back."""
    made = [
        f"create taste rule {n} on listener 443: a secret header → shop-web-{slot}" for n, slot in ((7, "a"), (8, "b"))
    ]
    found = replace(PREPARING, before="d2.40.served").seen()
    there = replace(tastes(7)[0], rule=found.routes[0].rule)
    for missing, steps in ((tastes(7, 8), made), (tastes(7, None), made[:1]), ((there,), []), ((), [])):
        world = replace(found, tastes=missing)
        deployed = sentences(plan(Deploy(), scenes.spec(), world, scenes.run(), NOW_S))
        assert deployed[: len(steps) + 1] == [*steps, WHOLE_B]
        failed = scenes.run(turn_back=TurnBack(reason="sick", failed=True))
        back = sentences(plan(Deploy(), scenes.spec(), world, failed, NOW_S))
        assert back[: len(steps) + 1] == [*steps, "put service shop-web-b (slot b) back to revision web:40"]


def rolling(found: Snapshot, revision: int) -> Snapshot:
    """Return the app with slot b on its way to a revision."""
    state = found.slot(Slot.B)
    assert state.service is not None
    service = seen.service(Slot.B, revision, rollout="IN_PROGRESS")
    service = replace(service, breaker_enabled=True, tags=state.service.tags)
    return replace(found, slots={**found.slots, Slot.B: replace(state, service=service)})


def test_what_is_put_back_is_awaited() -> None:
    """The record is changed when the slot holds what it held, not when ECS was asked for it."""
    failed = scenes.run(turn_back=TurnBack(reason="sick", judged=False, failed=True))
    found = rolling(replace(PREPARING, before="d2.40.served").seen(), 40)
    decision = plan(Deploy(), scenes.spec(), found, failed, NOW_S)
    assert sentences(decision) == [
        "wait until slot b is whole: 2 tasks of one revision, all healthy",
        "record that slot b serves revision 40",
        "record that the move b → a is done",
    ]
    assert isinstance(decision, Steps)
    assert isinstance(decision.steps[0], AwaitWhole)
    assert decision.steps[0].putting_back  # it was whole before: its health is not waited for


@pytest.mark.parametrize("rolls_back", [True, False])
def test_what_is_put_back_is_not_taken_back_by_ecs(*, rolls_back: bool) -> None:
    """Somebody may have let ECS's circuit breaker roll back meanwhile: then that is set as for a newcomer."""
    failed = scenes.run(turn_back=TurnBack(reason="sick", judged=False, failed=True))
    found = replace(PREPARING, before="d2.40.served").seen()
    state = found.slot(Slot.B)
    assert state.service is not None
    service = replace(state.service, breaker_rolls_back=rolls_back)
    found = replace(found, slots={**found.slots, Slot.B: replace(state, service=service)})
    decision = plan(Deploy(), scenes.spec(), found, failed, NOW_S)
    settings = ", circuit breaker without rollback, 100/200 percent" if rolls_back else ""
    assert f"put service shop-web-b (slot b) back to revision web:40{settings}" in sentences(decision)


COOL = "wait until slot b has been without traffic for 120 s"


@pytest.mark.parametrize(("age_s", "wait_s"), [(100, 21.0), (120, 1.0), (121, None)])
@pytest.mark.parametrize("intent", [Deploy(), Flip(again=True)])
def test_a_slot_that_had_weight_a_moment_ago_rests_first(intent: Intent, age_s: int, wait_s: float | None) -> None:
    """120 s after its last weight, and the second that the tag does not tell, a slot is deployed over."""
    found = scene("back", 0, b="d7.42.back", at_s=int(NOW_S) - age_s)
    image = "shop/web:1.43" if isinstance(intent, Deploy) else "shop/web:1.42"
    decision = decide(intent, found, wanted=scenes.spec(image=image))
    assert isinstance(decision, Steps)
    first = decision.steps[0]
    if wait_s is None:
        assert sentences(decision)[0] == PREPARED
        return
    assert first == Hold(slot=Slot.A, percent=100, lasts_s=120.0, until_s=NOW_S + wait_s, cooling=True)
    assert first.sentence() == COOL


def test_in_a_lab_a_slot_rests_less() -> None:
    """In a lab whose time is half, a minute after its last weight a slot is deployed over."""
    for age_s, first in ((60, COOL.replace("120 s", "60 s")), (61, PREPARED)):
        lab = scenes.in_lab(scene("back", 0, b="d7.42.back", at_s=int(NOW_S) - age_s).seen(), 0.5)
        decision = plan(Deploy(), scenes.spec(image="shop/web:1.43"), lab, scenes.run(), NOW_S)
        assert sentences(decision)[0] == first


def test_a_new_slot_has_nothing_to_rest_from() -> None:
    """Where the idle slot has no service there is nothing that could still be answering."""
    found = scene("done", 1, b="d7.42.served", at_s=int(NOW_S) - 5)
    for a, first in (("d1.41.served", "wait until slot a has"), (None, "record that a move b → a")):
        decision = decide(Deploy(), replace(found, a=a), wanted=scenes.spec(image="shop/web:1.43"))
        assert sentences(decision)[0].startswith(first)


def test_going_on_rests_only_before_it_replaces() -> None:
    """A move under way whose slot runs what it shall is gone on with at once; what has to be replaced rests first."""
    asked = scene("prepare", 0, at_s=int(NOW_S) - 5)
    assert sentences(decide(Deploy(), asked))[0] == WHOLE_B
    other = asked.seen()
    state = seen.slot_state(Slot.B, replace(seen.service(Slot.B, 40, deployment="d7.42"), breaker_enabled=True))
    other = replace(other, slots={**other.slots, Slot.B: state})
    steps = sentences(plan(Deploy(), scenes.spec(), other, scenes.run(), NOW_S))
    assert steps[:3] == [COOL, "bring service shop-web-b (slot b) to revision web:42", WHOLE_B]


def test_a_newcomer_has_as_long_as_is_configured_from_when_it_was_announced() -> None:
    """`start_deadline` counts from the tag of the move, and a run that takes it up later gets the whole time again."""
    asked = scenes.spec(deploy=DeploySpec(start_deadline_s=600.0))
    last_s = [
        first_of(AwaitWhole, Deploy(), scene("prepare", 0, at_s=int(NOW_S) + at_s).seen(), asked).deadline_at_s - NOW_S
        for at_s in (0, 30, -4000)
    ]
    assert last_s[1] - last_s[0] == 30.0
    assert last_s[2] == last_s[0]
    assert 600.0 <= last_s[0] <= 800.0
    other = replace(asked, task_definition=seen.body("shop/web:1.43"))
    anew = first_of(AwaitWhole, Deploy(), scene("prepare", 0, b="d2.40.served", at_s=int(NOW_S) + 500).seen(), other)
    assert anew.deadline_at_s == NOW_S + last_s[0]  # what was announced before is none of its time


def test_a_missing_group_is_made_with_the_slot() -> None:
    """A first deployment makes what is not there: groups, then the service, and its rules last."""
    state = SlotState(slot=Slot.B, service=None, groups=(GroupState(spec=seen.group_of(Slot.B), group=None),))
    found = ADOPTED.seen()
    world = replace(found, slots={**found.slots, Slot.B: state})
    decision = plan(Deploy(), scenes.spec(image="shop/web:1.43"), world, scenes.run(), NOW_S)
    assert sentences(decision)[0] == "create target group shop-web-b for slot b"


def test_without_a_revision_the_questions_are_asked_of_what_is_new() -> None:
    """While a plan does not know the revision yet, it names it as the new one everywhere."""
    (proof,) = taste(scenes.facts(PREPARING.seen()), None)
    assert proof.sentence().startswith("prove that slot b answers as revision new")
