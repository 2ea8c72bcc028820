"""A way back left half done, onto a slot that has died meanwhile: nothing is written, and what helps is named."""

from dataclasses import replace

import pytest

from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import EVERY, HALF, TENTH, TO_A_1, TO_B_1, scene
from teal.model.decision import Refused
from teal.model.identity import Slot
from teal.model.run import Intent, Retire, Rollback
from teal.model.snapshot import Snapshot
from teal.plan.planner import plan

RUN = scenes.run(own_move=scene("prepare", 0).seen().move)  # it has put the late weight on record
LEFT: dict[str, tuple[Scene, Slot]] = {
    "a late weight": (scene("prepare", TENTH), Slot.A),
    "going back": (scene("shift", HALF, b="d7.42.back"), Slot.A),
    "a mixture": (scene("shift", TENTH, HALF), Slot.A),
    "a rollback": (scene("done", HALF, b="d7.42.served"), Slot.A),
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
    dead = plan(intent, scenes.spec(len(found.shares)), replace(found, healthy={slot: 0}).seen(), RUN, NOW_S)
    assert isinstance(dead, Refused)
    assert (dead.exit_code, dead.message) == (
        5,
        f"slot {slot} has no healthy target in shop-web-{slot}: production stays where it is",
    )
    assert dead.hint == "`teal rollback --force` sends it there all the same; run this again once it has one"
    empty = plan(intent, scenes.spec(len(found.shares)), scaled_down(found, slot), RUN, NOW_S)
    assert isinstance(empty, Refused)
    assert empty.message == f"slot {slot} is retired: it has no tasks, and production stays where it is"
    assert "`aws ecs update-service --cluster prod --service shop-web-" in empty.hint


@pytest.mark.parametrize(("found", "slot"), LEFT.values(), ids=LEFT)
def test_a_forced_one_is_finished_all_the_same(found: Scene, slot: Slot) -> None:
    """Who forces it knows better; and `retire`, which finishes no way back, is refused for its own reasons."""
    dead = replace(found, healthy={slot: 0})
    assert (TO_A_1 if slot is Slot.A else TO_B_1) in sentences(decide(Rollback(force=True), dead))
    refused = decide(Retire(), dead)
    assert isinstance(refused, Refused)
    assert "healthy target" not in refused.message
