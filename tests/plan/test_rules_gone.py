"""`rollback --to-slot` where production rules are gone: what is created, what is recorded, and what cannot be done."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from plan import scenes
from plan.scenes import NOW_S, Scene, decide, sentences
from plan.words import BACK_A, BACK_B, EVERY, HALF, ROUTE_2, TAKEN_BACK, TO_A_1, T, scene
from teal.model.decision import Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Intent, Rollback
from teal.model.snapshot import Snapshot
from teal.model.step import CreateRoute
from teal.plan.planner import plan
from teal.plan.situation import Row, classify
from teal.plan.unfinished import what_next

A, B = Rollback(to_slot=Slot.A), Rollback(to_slot=Slot.B)
MADE = "create production rule shop:443 rule by its conditions → slot "
GONE = Scene(shares=(None, None), a="d1.41.served", b=None, create=True)


def mixed(found: Scene, missing: int) -> Snapshot:
    """Return the app of a scene in which one route has `create:` and the others have not."""
    world, made = found.seen(), scenes.routes(len(found.shares), create=True)
    routes = list(world.routes)
    routes[missing] = replace(routes[missing], spec=made[missing])
    return replace(world, routes=tuple(routes))


@pytest.mark.parametrize(
    ("found", "intent", "steps"),
    [
        (GONE, A, [MADE + "a", MADE + "a", "record that the move nothing → a is done"]),
        (
            replace(GONE, a=""),
            A,
            [MADE + "a"] * 2 + ["record that slot a serves revision 40", "record that the move nothing → a is done"],
        ),
        (
            replace(GONE, b="d2.42.served"),
            A,
            [MADE + "a", MADE + "a", BACK_B, "record that the move a → b was taken back"],
        ),
        (
            replace(GONE, b="d2.42.served"),
            B,
            [MADE + "b", MADE + "b", BACK_A, "record that the move b → a was taken back"],
        ),
        (replace(GONE, b="d2.42.back"), A, [MADE + "a", MADE + "a", "record that the move a → b was taken back"]),
        (
            Scene(shares=(HALF, None), create=True),
            A,
            [TO_A_1.replace("20", "by its conditions"), MADE + "a", BACK_B, TAKEN_BACK],
        ),
        (
            Scene(shares=(None, HALF), create=True),
            A,
            [MADE + "a", TO_A_1.replace("20", "by its conditions"), BACK_B, TAKEN_BACK],
        ),
        (replace(scene("done", 1, b="d7.42.served"), shares=(1, None), create=True), B, [MADE + "b"]),
        (replace(scene("back", 0, b="d7.42.back"), shares=(None, 0), create=True), A, [MADE + "a"]),
    ],
)
def test_missing_rules_are_created_towards_the_named_slot(found: Scene, intent: Intent, steps: list[str]) -> None:
    """Route by route, those that exist among them; then what is recorded; at rest nothing but the rules is missing."""
    assert sentences(decide(intent, found)) == steps


@pytest.mark.parametrize(
    ("found", "tag"),
    [(GONE, None), (replace(scene("done", 1, b="d7.42.served"), shares=(1, None), create=True), f"d7.a.b.done.{T}")],
)
def test_a_created_rule_bears_the_move_of_the_app(found: Scene, tag: str | None) -> None:
    """As do those that exist; where none does it bears none, and whoever is killed then leaves an app at rest."""
    decision = decide(B if tag else A, found)
    assert isinstance(decision, Steps)
    made = [step.tag for step in decision.steps if isinstance(step, CreateRoute)]
    assert {str(each) if each else None for each in made} == {tag}


def test_a_rule_that_could_not_be_created_comes_last() -> None:
    """Each route is tried again independently of the others."""
    decision = decide(A, GONE, run_knows=scenes.run(failed_writes={0: 1}))
    assert isinstance(decision, Steps)
    assert [step.index for step in decision.steps if isinstance(step, CreateRoute)] == [1, 0]


NO_RULE = "no production rule exists: shop:443 rule 20 is missing, and has no `create:`"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Scene(shares=(None,), b=None), NO_RULE),
        (Scene(shares=(None, None), b=None), f"{NO_RULE}; {NO_RULE.partition(': ')[2].replace('20', '21')}"),
        (replace(GONE, a=None, b="d2.42.served"), "slot a has no service"),
        (
            replace(GONE, healthy={Slot.A: 0}),
            "slot a has no healthy target in shop-web-a: production stays where it is",
        ),
    ],
)
def test_what_cannot_be_created_is_named(found: Scene, message: str) -> None:
    """No service, no healthy target, no `create:`: each has a refusal of its own, which names the slot or the rule."""
    decision = decide(A, found)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, decision.message) == (5, message)


LISTED: list[tuple[Mapping[str, Any], str]] = [
    ({"listener": None}, "shop:443 rule by its conditions (teal.yaml:9:5) is missing, and so is its listener"),
    ({"matches": 2}, "shop:443 rule by its conditions (teal.yaml:9:5) is not one rule, 2 match: name one by rule_arn"),
]


@pytest.mark.parametrize(("seen", "reason"), LISTED)
def test_create_alone_makes_no_rule(seen: Mapping[str, Any], reason: str) -> None:
    """Without a listener there is nowhere to put it, and where several match there would be one more."""
    world = replace(GONE, shares=(None,)).seen()
    route = replace(world.routes[0], spec=replace(world.routes[0].spec, where="teal.yaml:9:5"), **seen)
    decision = plan(A, scenes.spec(create=True), replace(world, routes=(route,)), scenes.run(), NOW_S)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, decision.message) == (5, f"no production rule exists: {reason}")


def test_all_rules_or_none() -> None:
    """Where no rule exists and one of two cannot be created, nothing is written; the hint says what to do by hand."""
    decision = plan(A, scenes.spec(2), mixed(replace(GONE, create=False), 0), scenes.run(), NOW_S)
    assert isinstance(decision, Refused)
    assert decision.message == NO_RULE.replace("20", "21")
    assert "forwarding to shop-web-a, or give it `create:`" in decision.hint


def test_the_rules_that_exist_wait_for_no_other() -> None:
    """Where one rule exists it is written, whatever is missing; what stays missing is said in the plan."""
    found = scene("done", 1, 1, b="d7.42.served")
    decision = decide(A, replace(found, shares=(1, None)))
    assert isinstance(decision, Steps)
    assert sentences(decision) == [TO_A_1, BACK_B, TAKEN_BACK]
    assert decision.warnings == (f"{ROUTE_2} is missing, and has no `create:`",)


def test_forced_it_needs_no_healthy_target() -> None:
    """`--force` creates them all the same, and the refusal says how to ask for it."""
    found = replace(GONE, healthy={Slot.A: 0})
    refused = decide(A, found)
    assert isinstance(refused, Refused)
    assert "`teal rollback --to-slot a --force`" in refused.hint
    assert sentences(decide(replace(A, force=True), found))[:2] == [MADE + "a", MADE + "a"]


def test_where_ecs_does_not_answer_nobody_knows_of_a_service() -> None:
    """A slot of which nothing could be read is not said to be empty."""
    world = replace(replace(GONE, a=None, b=None).seen(), services_known=False)
    decision = plan(A, scenes.spec(2, create=True), world, scenes.run(), NOW_S)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, decision.message.partition(",")[0]) == (5, "ECS does not answer")


@pytest.mark.parametrize("intent", EVERY)
def test_rules_that_are_gone_are_said_to_be(intent: Intent) -> None:
    """Other commands say what is missing rather than that they do not know, and name the ways that create it."""
    decision = decide(intent, GONE)
    assert isinstance(decision, Refused)
    reason = "no production rule exists, and what the slots hold is no first deployment"
    assert decision.message == f"where things stand cannot be explained: {reason}"
    world = GONE.seen()
    then = what_next(world, classify(scenes.spec(2, create=True), world))
    assert (then.unfinished, then.does) == (reason, "creates them, and names the slot that shall serve")


@pytest.mark.parametrize("intent", EVERY)
@pytest.mark.parametrize("share", [HALF, 1])
def test_the_rules_of_a_first_deployment_that_has_served_are_not_deleted(intent: Intent, share: Fraction | int) -> None:
    """Weight that a stranger took from it cannot be explained, and there is nothing to go back to: a slot is named."""
    found = Scene(move=f"d1.none.a.done.{T}", shares=(share,), b="d2.40.back", create=True)
    decision = decide(intent, found)
    assert isinstance(decision, Refused)
    assert (decision.exit_code, "--to-slot a" in decision.hint) == (7, True)
    named = sentences(decide(A, found))
    assert named[0] == TO_A_1.replace("20", "by its conditions")
    assert not any("delete" in sentence for sentence in named)


@pytest.mark.parametrize(
    "found",
    [
        Scene(move=f"d1.none.a.done.{T}", shares=(1,), a="d1.41.back", b=None, create=True),
        Scene(move=f"d1.none.a.shift.{T}", shares=(0, None), a="d1.41.served", b=None, create=True),
    ],
)
def test_a_first_deployment_that_goes_back_still_does(found: Scene) -> None:
    """One that says `.back`, or is not done yet and has lost a rule, is on its way back: what it created goes."""
    assert classify(scenes.spec(len(found.shares), create=True), found.seen()).row == Row.ROLLING_BACK


def test_all_is_at_rest_afterwards() -> None:
    """What is recorded is read as the end of a first deployment: there is nothing to go back to, and nothing to do."""
    found = replace(GONE, move=f"d1.none.a.done.{T}", shares=(0, 0))
    again = decide(A, found)
    assert isinstance(again, Finished)
    assert (again.exit_code, again.message) == (0, "nothing to roll back: slot a serves")
    refused = decide(Rollback(), found)
    assert isinstance(refused, Refused)
    assert refused.message.startswith("nothing to go back to: ")
