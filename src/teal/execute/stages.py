"""In which stage of a move's life a step is done, in the words that a person reads."""

from collections.abc import Mapping

from teal.model.step import Hold, Step, TagDeployment, TagMove
from teal.model.tags import Outcome, Stage

_BY_TAG = {
    Stage.PREPARE: "prepare",
    Stage.HELD: "taste",
    Stage.SHIFT: "shift",
    Stage.DONE: "done",
    Stage.BACK: "back",
}
_BY_OUTCOME = {Outcome.BARE: "prepare", Outcome.SERVED: "done", Outcome.BACK: "back"}
_BY_KIND: Mapping[str, str] = {
    "AwaitWhole": "scale up",
    "ProveIdentity": "taste",
    "PassGate": "taste",
    "WriteRoute": "shift",
    "CreateRoute": "shift",
    "ProbeProduction": "bake",
    "DeleteRoute": "back",
    "TagVerdict": "back",
    "AwaitStill": "retire",
    "RetireSlot": "retire",
    "AwaitDrained": "retire",
}


def stage_of(step: Step, *, going_back: bool) -> str:
    """Return `prepare`, `scale up`, `taste`, `shift`, `bake`, `done`, `back` or `retire`."""
    if going_back:
        return "back"
    if isinstance(step, TagMove):
        return _BY_TAG[step.tag.stage]
    if isinstance(step, TagDeployment):
        return _BY_OUTCOME[step.tag.outcome]
    if isinstance(step, Hold):
        return "bake" if step.baking else "prepare" if step.cooling else "shift"
    return _BY_KIND.get(type(step).__name__, "prepare")
