"""A way back left half done, onto a slot that has died meanwhile: nothing is written, and what helps is named."""

from dataclasses import replace

import pytest

from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import EVERY, HALF, TENTH, TO_A_1, TO_B_1, scene
from teal.model.decision import Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Intent, Retire, Rollback
from teal.model.snapshot import Snapshot
from teal.model.step import WriteRoute
from teal.plan.planner import plan

LEFT: dict[str, tuple[Scene, Slot]] = {
    "a late weight": (scene("prepare", TENTH), Slot.A),
    "going back": (scene("shift", HALF, b="d7.42.back"), Slot.A),
    "a mixture": (scene("shift", TENTH, HALF), Slot.A),
    "a rollback": (scene("done", HALF, b="d7.42.served"), Slot.A),
    "a late weight afterwards": (scene("back", 1, b="d7.42.back"), Slot.A),
    "onto the untouched": (scene("prepare", HALF, b="d2.40.served"), Slot.B),
}


def scaled_down(found: Scene, slot: Slot) -> Snapshot:
    """Return the app whose slot somebody has scaled to 0."""
    world = found.seen()
    state = world.slot(slot)
    assert state.service is not None
    return replace(
        world, slots={**world.slots, slot: replace(state, service=replace(state.service, desired=0, running=0))}
    )


@pytest.mark.parametrize("intent", EVERY)
@pytest.mark.parametrize(("found", "slot"), LEFT.values(), ids=LEFT)
def test_no_way_back_is_finished_onto_nobody(intent: Intent, found: Scene, slot: Slot) -> None:
    """It is refused before anything is written, whatever is asked: exit 5, and what a person can do."""
    dead = plan(intent, scenes.spec(len(found.shares)), replace(found, healthy={slot: 0}).seen(), scenes.run(), NOW_S)
    assert isinstance(dead, Refused)
    assert (dead.exit_code, dead.message) == (
        5,
        f"slot {slot} has no healthy target in shop-web-{slot}: production stays where it is",
    )
    assert dead.hint == "`teal rollback --force` sends it there all the same; run this again once it has one"
    empty = plan(intent, scenes.spec(len(found.shares)), scaled_down(found, slot), scenes.run(), NOW_S)
    assert isinstance(empty, Refused)
    assert empty.message == f"slot {slot} is retired: it has no tasks, and production stays where it is"
    assert "`aws ecs update-service --cluster prod --service shop-web-" in empty.hint


@pytest.mark.parametrize(("found", "slot"), LEFT.values(), ids=LEFT)
@pytest.mark.parametrize("force", [False, True])
def test_a_named_way_back_goes_straight_there(found: Scene, slot: Slot, *, force: bool) -> None:
    """Who names the slot that lives is not sent to the dead one first."""
    dead, named = replace(found, healthy={slot: 0}), Rollback(to_slot=slot.other, force=force)
    decision = decide(named, dead)
    assert isinstance(decision, Steps)
    assert not [step for step in decision.steps if isinstance(step, WriteRoute) and step.shares != ((slot.other, 100),)]
    assert decision.ends == f"production is with slot {slot.other}"


@pytest.mark.parametrize(("found", "slot"), LEFT.values(), ids=LEFT)
def test_a_forced_one_is_finished_all_the_same(found: Scene, slot: Slot) -> None:
    """Who forces it knows better; and `retire`, which finishes no way back, is refused for its own reasons."""
    dead = replace(found, healthy={slot: 0})
    assert (TO_A_1 if slot is Slot.A else TO_B_1) in sentences(decide(Rollback(force=True), dead))
    refused = decide(Retire(), dead)
    assert isinstance(refused, Refused)
    assert "healthy target" not in refused.message
