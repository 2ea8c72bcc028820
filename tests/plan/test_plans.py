"""Whole plans, as a person reads them before approving: every step of a deployment, in its order and in its words."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import HALF, PREPARED, ROUTE_1, ROUTE_2, TENTH, TO_B_1, WHOLE_B, scene
from teal.model.decision import Steps
from teal.model.run import Deploy, Flip, Intent, TurnBack
from teal.model.spec import DeploySpec, HttpGate, RunGate
from teal.model.step import WriteRoute
from teal.model.tags import parse_move
from teal.plan.planner import plan
from teal.plan.standing import written

WHOLE_A = WHOLE_B.replace("slot b", "slot a")
GATES = (HttpGate(path="/ok"), RunGate(command="smoke it"))
REST = scene("done", 1, b="d7.42.served")
ADOPTED = Scene(shares=(0,), a="", b=None)
FIRST = Scene(shares=(None, None), a=None, b=None, create=True)
PREPARING = scene("prepare", 0)


def shifted(way: str, to: str, back: str, revision: str) -> list[str]:
    """Return the steps from the first weight to the record that the move is done."""
    weights = ((10, "hold 10 % on slot {} for 120 s"), (50, "hold 50 % on slot {} for 60 s"), (100, ""))
    steps: list[str] = []
    for percent, held in weights:
        rest = f"{100 - percent} % → slot {back}, " if percent < 100 else ""
        steps += [
            f"record that traffic is about to shift {way}, {percent} %",
            f"send {rest}{percent} % → slot {to} on {ROUTE_1}",
            *([held.format(to)] if held else []),
        ]
    return [
        *steps,
        f"bake 100 % on slot {to} for 300 s",
        f"record that slot {to} serves revision {revision}",
        f"record that the move {way} is done",
    ]


def tasted(slot: str, revision: str) -> list[str]:
    """Return the questions to a newcomer."""
    return [
        f"prove that slot {slot} answers as revision {revision}: targets = tasks, taste route",
        f"taste slot {slot}: http /ok answers status 200",
        f"taste slot {slot}: run smoke …",
    ]


def planned(intent: Intent, found: Scene, image: str, **known: object) -> list[str]:
    """Return a plan with two gates, in words."""
    asked = DeploySpec(shift=scenes.SHIFT, bake_s=300.0, taste_gates=GATES)
    wanted = scenes.spec(len(found.shares), create=found.create, image=image, deploy=asked)
    return sentences(decide(intent, found, wanted=wanted, run_knows=scenes.run(**known)))


@pytest.mark.parametrize(
    ("intent", "found", "image", "steps"),
    [
        (
            Deploy(),
            REST,
            "shop/web:new",
            [
                "record that a move b → a is being prepared",
                "register a new revision of task definition web",
                "record that slot a shall hold revision new",
                "bring service shop-web-a (slot a) to the new revision",
                WHOLE_A,
                *tasted("a", "new"),
                *shifted("b → a", "a", "b", "new"),
            ],
        ),
        (
            Deploy(hold=True),
            REST,
            "shop/web:1.43",
            [
                "record that a move b → a is being prepared",
                "record that slot a shall hold revision 43",
                "bring service shop-web-a (slot a) to revision web:43",
                WHOLE_A,
                *tasted("a", "43"),
                "record that slot a is held, tasted and ready",
            ],
        ),
        (
            Deploy(),
            ADOPTED,
            "shop/web:1.43",
            [
                "record that slot a serves revision 40",
                PREPARED,
                "create service shop-web-b in slot b with 2 × web:43",
                WHOLE_B,
                *tasted("b", "43"),
                *shifted("a → b", "b", "a", "43"),
            ],
        ),
        (
            Deploy(),
            FIRST,
            "shop/web:new",
            [
                "register a new revision of task definition web",
                "create service shop-web-a in slot a with 1 × web:new",
                WHOLE_A.replace("2 tasks", "1 tasks"),
                *tasted("a", "new"),
                *["create production rule shop:443 rule by its conditions → slot a"] * 2,
                "bake 100 % on slot a for 300 s",
                "record that slot a serves revision new",
                "record that the move nothing → a is done",
            ],
        ),
        (Flip(), scene("held", 0), "shop/web:1.42", [WHOLE_B, *tasted("b", "42"), *shifted("a → b", "b", "a", "42")]),
        (
            Flip(again=True),
            scene("back", 0, b="d7.42.back"),
            "shop/web:1.42",
            [
                PREPARED,
                "record that slot b shall hold revision 42",
                WHOLE_B,
                *tasted("b", "42"),
                *shifted("a → b", "b", "a", "42"),
            ],
        ),
    ],
)  # fmt: skip
def test_the_plan_of_a_deployment(intent: Intent, found: Scene, image: str, steps: list[str]) -> None:
    """Announce, build, wait, taste, then for each weight announce, write, hold; bake, and record what serves."""
    assert planned(intent, found, image) == steps


@pytest.mark.parametrize(
    ("passed", "since_s", "steps"),
    [
        ((), None, [WHOLE_B, *tasted("b", "42")]),
        ((), NOW_S - 29.9, [WHOLE_B, *tasted("b", "42")]),
        ((), NOW_S - 30.0, tasted("b", "42")),
        (("identity",), NOW_S - 30.0, tasted("b", "42")[1:]),
        (("identity", "gate:0"), NOW_S - 30.0, tasted("b", "42")[2:]),
        (("identity", "gate:0", "gate:1"), NOW_S - 30.0, []),
    ],
)
def test_what_a_run_has_had_answered_is_not_asked_again(
    passed: tuple[str, ...], since_s: float | None, steps: list[str]
) -> None:
    """A newcomer that was healthy for long enough is tasted; each gate that it has passed is behind it."""
    left = planned(Deploy(hold=True), PREPARING, "shop/web:1.42", passed=frozenset(passed), whole_since_s=since_s)
    assert left == [*steps, "record that slot b is held, tasted and ready"]


@pytest.mark.parametrize(
    ("intent", "found"),
    [
        (Deploy(), REST),
        (Deploy(), scene("shift", TENTH, TENTH)),
        (Flip(), scene("shift", HALF, TENTH)),
        (Deploy(), scene("shift", TENTH, 0)),
    ],
)
def test_the_weights_of_a_route_are_percent(intent: Intent, found: Scene) -> None:
    """Whatever is written, forwards or back, the weights of a route make 100, so that a person can read them."""
    image = "shop/web:new" if found is REST else "shop/web:1.42"
    for run in (scenes.run(), scenes.run(turn_back=TurnBack(reason="sick"))):
        decision = decide(intent, found, wanted=scenes.spec(len(found.shares), image=image), run_knows=run)
        steps: Sequence[object] = decision.steps if isinstance(decision, Steps) else ()
        written_ = [step for step in steps if isinstance(step, WriteRoute)]
        assert all(sum(weight for _, weight in step.shares) == 100 for step in written_)
        assert written_ or found is REST


@pytest.mark.parametrize(
    ("shares", "sent"),
    [
        ((TENTH, 0), ["send 90 % → slot a, 10 % → slot b on shop:443 rule 21"]),
        ((HALF, TENTH), ["send 50 % → slot a, 50 % → slot b on shop:443 rule 21"]),
        ((1, HALF), [f"send 100 % → slot b on {ROUTE_2}"]),
    ],
)
def test_a_weight_that_was_written_in_part_is_written_on_the_rest(
    shares: tuple[Fraction | int, ...], sent: list[str]
) -> None:
    """A route that has the weight is not written; the weight is announced anew, so that its hold begins then."""
    steps = sentences(decide(Deploy(), scene("shift", *shares)))
    percent = int(100 * max(shares))
    assert steps[0] == f"record that traffic is about to shift a → b, {percent} %"
    assert steps[1 : len(sent) + 1] == sent
    assert steps[len(sent) + 1].startswith(("hold", "bake"))


def test_a_weight_that_this_run_announced_is_sent_for_a_minute() -> None:
    """Within a minute of its own announcement a run writes the weight; later it announces it anew."""
    for age_s, first in ((59, TO_B_1), (60, "record that traffic is about to shift a → b, 100 %")):
        found = scene("shift", HALF, at_s=int(NOW_S) - age_s)
        knows = scenes.run(own_move=parse_move(found.move), announced_percent=100)
        knows = replace(knows, weights=written(found.seen(), NOW_S - 1000.0))
        assert sentences(decide(Deploy(), found, run_knows=knows))[0] == first
    stranger = scene("shift", HALF, at_s=int(NOW_S) - 5)
    knows = scenes.run(announced_percent=100, weights=written(stranger.seen(), NOW_S - 1000.0))
    assert sentences(decide(Deploy(), stranger, run_knows=knows))[0].startswith("record that traffic")


def test_every_hold_is_scaled_with_the_lab() -> None:
    """In a lab whose time is half, holds, bake and rest last half as long, none shorter than half of its least."""
    found = scenes.in_lab(scene("held", 0).seen(), 0.5)
    steps = sentences(plan(Flip(), scenes.spec(), found, scenes.run(), NOW_S))
    assert [words for words in steps if words.startswith(("hold", "bake", "wait"))] == [
        "wait until slot b is whole: 2 tasks of one revision, all healthy for 15 s",
        "hold 10 % on slot b for 60 s",
        "hold 50 % on slot b for 30 s",
        "bake 100 % on slot b for 150 s",
    ]
    tenth = scene("shift", TENTH)
    knows = scenes.run(weights=written(tenth.seen(), NOW_S - 10.0), own_move=parse_move(tenth.move))
    assert (
        sentences(plan(Flip(), scenes.spec(), scenes.in_lab(tenth.seen(), 0.5), knows, NOW_S))[0]
        == "hold 10 % on slot b for 60 s"
    )
