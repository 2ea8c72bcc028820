"""In which stage of a move's life each kind of step is done."""

from dataclasses import replace

import pytest

from execute.deeds import BACK_0, DELETE, EMPTY, MOVE, RAISE, REGISTER, TAG, TAGGED, VERDICT
from teal.execute.stages import stage_of
from teal.model.identity import Slot
from teal.model.spec import HttpGate
from teal.model.step import AwaitWhole, Hold, PassGate, ProbeProduction, ProveIdentity, Step
from teal.model.tags import Outcome, Stage

HOLD = Hold(slot=Slot.B, percent=50, lasts_s=60.0, until_s=None)
STAGES: dict[str, tuple[Step, str]] = {
    **{
        stage: (replace(TAG, tag=replace(MOVE, stage=stage)), name)
        for stage, name in {
            Stage.PREPARE: "prepare",
            Stage.HELD: "taste",
            Stage.SHIFT: "shift",
            Stage.DONE: "done",
            Stage.BACK: "back",
        }.items()
    },
    "wanted": (TAGGED, "prepare"),
    "served": (replace(TAGGED, tag=TAGGED.tag.ended(Outcome.SERVED)), "done"),
    "taken back": (replace(TAGGED, tag=TAGGED.tag.ended(Outcome.BACK)), "back"),
    "hold": (HOLD, "shift"),
    "bake": (replace(HOLD, baking=True), "bake"),
    "cool": (replace(HOLD, cooling=True), "prepare"),
    "register": (REGISTER, "prepare"),
    "update": (RAISE, "prepare"),
    "wait": (AwaitWhole(slot=Slot.B, revision=42, count=2, healthy_for_s=1.0, deadline_at_s=9.0), "scale up"),
    "prove": (ProveIdentity(slot=Slot.B, revision=42), "taste"),
    "gate": (PassGate(slot=Slot.B, index=0, gate=HttpGate(path="/")), "taste"),
    "weight": (BACK_0, "shift"),
    "probe": (ProbeProduction(slot=Slot.B, revision=42), "bake"),
    "delete": (DELETE, "back"),
    "verdict": (VERDICT, "back"),
    "retire": (EMPTY, "retire"),
}


@pytest.mark.parametrize(("step", "stage"), STAGES.values(), ids=STAGES)
def test_the_stage_of_a_step(step: Step, stage: str) -> None:
    """Each has the word that a person reads; on a way back all are that."""
    assert stage_of(step, going_back=False) == stage
    assert stage_of(step, going_back=True) == "back"
