"""What is left of a hold and of the bake, and that neither is shorter than the load balancer needs."""

from dataclasses import replace
from fractions import Fraction

import pytest

from plan import scenes
from plan.scenes import LONG_AGO, NOW_S, Scene, decide, sentences
from teal.model.run import Deploy, Flip
from teal.model.spec import DeploySpec, IdentitySpec, ShiftStep
from teal.plan.standing import written

AT_TENTH = Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(Fraction(1, 10),), b="d7.42")
BAKING = replace(AT_TENTH, shares=(1,))
PROBE = "see revision 42 answer on every address of the load balancer"
LAST = [PROBE, "bake 100 % on slot b for 300 s"]


def steps(
    found: Scene, stood_s: float, *, hold_s: float = 120.0, bake_s: float = 300.0, probed: bool = False
) -> list[str]:
    """Return what is planned where weights have stood for a while, up to the record of what served."""
    shift = (ShiftStep(percent=10, hold_s=hold_s), ShiftStep(percent=100, hold_s=0.0))
    wanted = replace(
        scenes.spec(deploy=DeploySpec(shift=shift, bake_s=bake_s)), identity=IdentitySpec(header="x-revision")
    )
    known = scenes.run(
        weights=written(found.seen(), NOW_S - stood_s),
        passed=frozenset({"identity", *(("probed",) if probed else ())}),
        own_move=found.seen().move,
    )
    planned = sentences(decide(Deploy(), found, wanted=wanted, run_knows=known))
    return [each for each in planned if each.startswith(("hold", "bake", "see"))]


@pytest.mark.parametrize(
    ("stood_s", "hold_s", "held"),
    [
        (0.0, 120.0, ["hold 10 % on slot b for 120 s"]),
        (119.0, 120.0, ["hold 10 % on slot b for 120 s"]),
        (120.0, 120.0, []),
        (59.0, 5.0, ["hold 10 % on slot b for 60 s"]),  # never less than the load balancer needs
        (60.0, 5.0, []),
    ],
)
def test_a_weight_is_held_for_as_long_as_asked(stood_s: float, hold_s: float, held: list[str]) -> None:
    """Before the next weight the hold of this one is over, and 60 s at least."""
    assert steps(AT_TENTH, stood_s, hold_s=hold_s) == [*held, *LAST]


@pytest.mark.parametrize(
    ("stood_s", "bake_s", "baked"),
    [
        (0.0, 300.0, ["bake 100 % on slot b for 300 s"]),
        (299.0, 300.0, ["bake 100 % on slot b for 300 s"]),
        (300.0, 300.0, []),
        (59.0, 5.0, ["bake 100 % on slot b for 60 s"]),
        (60.0, 5.0, []),
    ],
)
def test_the_bake_is_as_long_as_asked(stood_s: float, bake_s: float, baked: list[str]) -> None:
    """What serves is recorded when the bake is over, and 60 s at least; production is asked once who it is."""
    assert steps(BAKING, stood_s, bake_s=bake_s) == [PROBE, *baked]
    assert steps(BAKING, stood_s, bake_s=bake_s, probed=True) == baked


def test_the_plan_names_every_hold() -> None:
    """Whoever approves a flip reads how long each weight is held, and that the last one is baked."""
    held = replace(AT_TENTH, move=f"d7.a.b.held.{LONG_AGO}", shares=(0,))
    planned = [each for each in sentences(decide(Flip(), held)) if each.startswith(("hold", "bake"))]
    assert planned == [
        "hold 10 % on slot b for 120 s",
        "hold 50 % on slot b for 60 s",
        "bake 100 % on slot b for 300 s",
    ]


@pytest.mark.parametrize(("time_scale", "lasts_s"), [(1.0, 600.0), (0.1, 60.0), (0.05, 30.0), (0.001, 30.0)])
def test_a_deadline_in_a_lab_leaves_processes_time_to_start(time_scale: float, lasts_s: float) -> None:
    """However fast a lab's clock is, a deadline is 30 s away at least, from the start of the run at the earliest."""
    lab = scenes.in_lab(AT_TENTH.seen(), time_scale)
    assert scenes.facts(lab).deadline_s(600.0, LONG_AGO) == NOW_S + lasts_s
    assert scenes.facts(lab).deadline_s(600.0, NOW_S + 5.0) == NOW_S + 5.0 + lasts_s
