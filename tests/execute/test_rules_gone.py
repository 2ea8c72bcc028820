"""A stranger deletes production rules: `rollback --to-slot` creates them, and from there everything goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from execute.disturbing import DENIED, DOWN, names, refuse_all, rule_arn, served_twice
from lives import answers, app, fork, killed, must, on, rest, state
from region import Stage
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.plan.situation import Row

A, B = Rollback(to_slot=Slot.A), Rollback(to_slot=Slot.B)
FIRST = "18: 100 100 | none.a.done | 1.served | "
NAMED_B = "20: 0 0 | b.a.back | 1.back | 2.served"
NAMED_A = "20: 100 100 | a.b.back | 1.served | 2.back"


@pytest.fixture(name="ones", scope="module")
def one_revision(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Slot a serves 1, slot b never held anything, and all rules are gone."""
    return without(rest(must(on(app(tmp_path_factory.mktemp("app")), "1"), Deploy())), 20, 30)


@pytest.fixture(name="twos", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Slot b served 2, slot a is warm with 1, and all rules are gone."""
    return without(rest(served_twice(tmp_path_factory.mktemp("app"))), 20, 30)


def without(play: Stage, *priorities: int) -> Stage:
    """Delete production rules as a stranger does."""
    for priority in priorities:
        play.region.aws("elbv2", "DeleteRule", RuleArn=rule_arn(play.region, priority))
    return play


@pytest.mark.parametrize("intent", [Deploy(), Flip(), Rollback(), Abort()])
def test_nobody_guesses_which_slot_served(twos: Stage, intent: Intent) -> None:
    """Every other command ends with 7 and touches nothing."""
    play = fork(twos)
    since = len(play.region.written)
    assert (play.run(intent).exit_code, names(play, since)) == (7, [])


@pytest.mark.parametrize(("intent", "stands"), [(A, NAMED_A), (B, NAMED_B)])
def test_the_named_slot_serves_again(twos: Stage, intent: Rollback, stands: str) -> None:
    """The rules come first, then what is recorded; production answers, and run twice the second does nothing."""
    play = fork(twos)
    since = len(play.region.written)
    ended = play.run(intent)
    assert (ended.exit_code, ended.seen, answers(play.region), str(state(play))) == (0, "read-back", True, stands)
    assert names(play, since) == ["CreateRule", "CreateRule", "TagResource", "AddTags"]
    assert (play.run(intent).exit_code, len(play.region.written)) == (0, since + 4)


def test_the_only_slot_serves_again_as_after_a_first_deployment(ones: Stage) -> None:
    """Where the other slot never held anything nothing else is written, and there is nothing to go back to."""
    play = fork(ones)
    since = len(play.region.written)
    assert (play.run(A).exit_code, answers(play.region), str(state(play))) == (0, True, FIRST)
    assert names(play, since) == ["CreateRule", "CreateRule", "AddTags"]
    ended = play.run(Rollback())
    assert (ended.exit_code, ended.message.partition(":")[0]) == (5, "nothing to go back to")


def test_the_next_deployment_goes_on_from_there(ones: Stage, twos: Stage) -> None:
    """What serves needs nothing; new content goes to the idle slot, and comes back from it."""
    for gone, named, serves, then in (
        (ones, A, "1", "18: 0 0 | a.b.done | 1.served | 3.served"),
        (twos, B, "2", "18: 100 100 | b.a.done | 3.served | 2.served"),
    ):
        play = must(fork(gone), named)
        since = len(play.region.written)
        assert names(must(on(play, serves), Deploy()), since) == []
        play = must(on(rest(play), "3"), Deploy())
        assert str(state(play)) == then
        assert state(must(play, Rollback())).row == Row.ROLLED_BACK
        assert answers(play.region)


@pytest.mark.parametrize("point", [("CreateRule", 1), ("CreateRule", 2), ("TagResource", 1), ("AddTags", 1)])
def test_killed_anywhere_the_same_command_goes_on(twos: Stage, point: tuple[str, int]) -> None:
    """After each write the app is at rest with what exists, and the same command comes to the same end."""
    left = killed(fork(twos), B, point)
    assert (state(left).row in {Row.UNRECORDED, Row.ROLLED_BACK}, state(left).serves) == (True, "b")
    assert str(state(must(left, B))) == NAMED_B


@pytest.mark.parametrize("point", [("CreateRule", 1), ("CreateRule", 2), ("TagResource", 1)])
def test_killed_anywhere_a_deployment_goes_on_too(twos: Stage, point: tuple[str, int]) -> None:
    """With one rule of two, and nothing recorded, `deploy` creates the other one and sends new content on its way."""
    left = rest(killed(fork(twos), B, point))
    assert str(state(must(on(left, "3"), Deploy()))) == "18: 100 100 | b.a.done | 3.served | 2.served"
    assert answers(left.region)


def test_a_rule_that_is_missing_among_others_is_created_too(tmp_path: Path) -> None:
    """Slot b serves on one route; the other one comes back to it, and the move on record stays."""
    play = without(rest(served_twice(tmp_path)), 30)
    before, since = str(state(play)), len(play.region.written)
    assert (play.run(B).exit_code, names(play, since)) == (0, ["CreateRule"])
    assert answers(play.region)
    assert str(state(play)) == before.replace("0 |", "0 0 |", 1)


def test_a_rule_without_create_is_named(twos: Stage) -> None:
    """What the configuration does not say how to make is a person's: exit 5, which rule it is, and nothing touched."""
    play = fork(twos)
    routes = tuple(replace(route, create=None, where="teal.yaml:9:5") for route in play.spec.routes)
    play.spec = replace(play.spec, routes=(play.spec.routes[0], routes[1]))
    since = len(play.region.written)
    ended = play.run(B)
    assert (ended.exit_code, names(play, since)) == (5, [])
    assert ended.message == (
        "no production rule exists: shop:80 rule 30 (teal.yaml:9:5) is missing, and has no `create:`"
    )


def test_a_creation_that_aws_refuses_is_named(twos: Stage) -> None:
    """A permission that is missing: exit 5 with the route that is outstanding; the same command goes on."""
    play = fork(twos)
    refuse_all(play, "CreateRule", DENIED)
    ended = play.run(B)
    assert (ended.exit_code, "create production rule shop:80 rule 20 → slot b is outstanding" in ended.message) == (
        5,
        True,
    )
    play.region.before_call = None
    assert str(state(must(play, B))) == NAMED_B


def test_without_ecs_nothing_is_said_of_a_slot(twos: Stage) -> None:
    """ECS does not answer: exit 5, and run again once it does, the slot serves."""
    play = fork(twos)
    refuse_all(play, "DescribeServices", DOWN)
    ended = play.run(B)
    assert (ended.exit_code, ended.message.partition(",")[0]) == (5, "ECS does not answer")
    play.region.before_call = None
    assert str(state(must(play, B))) == NAMED_B
