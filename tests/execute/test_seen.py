"""What a look must show of an act before the run goes on, and what is foretold of the look after an act."""

from dataclasses import replace
from fractions import Fraction

import pytest

import seen as world
from plan.scenes import LONG_AGO, Scene
from teal.execute.bodies import owner_tags
from teal.execute.seen import as_written, seen, tagged_as, value_of
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot, TasteState
from teal.model.spec import Spec
from teal.model.step import Act, CreateGroup, CreateRoute, CreateTaste, DeleteRoute, TagMove, UpdateService, WriteRoute
from teal.model.step_retire import RetireSlot
from teal.model.tags import Stage
from teal.model.traffic import Forward, Rule

HALF = Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(Fraction(1, 2), 0), b="d7.42").seen()
HALVES = WriteRoute(index=0, route="r", shares=((Slot.A, 50), (Slot.B, 50)))
TO_A = WriteRoute(index=1, route="r", shares=((Slot.A, 100),))
UPDATE = UpdateService(slot=Slot.B, service="shop-web-b", family="web", revision=42, count=2)
NO_RULE = Scene(shares=(None, 0)).seen()
MOVE = HALF.move
assert MOVE is not None
TAG = TagMove(tag=MOVE)
TASTE = CreateTaste(
    slot=Slot.B, group_key="web:8080", group_name="g", listener_arn="listener/443", listener_port=443, priority=9,
    by_port=False,
)  # fmt: skip
TASTE_RULE = Rule(arn="taste", listener_arn="listener/443", priority=9, conditions=(), forward=None)
GROUP = CreateGroup(slot=Slot.B, group=world.group_of(Slot.B))


def with_groups(*made: bool) -> Snapshot:
    """Return an app whose slot b has these groups: the one that is asked for, and others, made or not."""
    state = HALF.slot(Slot.B)
    first = state.groups[0]
    others = [replace(first, spec=replace(first.spec, name=f"other-{nth}")) for nth in range(1, len(made))]
    groups = tuple(
        each if there else replace(each, group=None) for each, there in zip([first, *others], made, strict=True)
    )
    return replace(HALF, slots={**HALF.slots, Slot.B: replace(state, groups=groups)})


def with_tastes(*tastes: tuple[Slot, str, bool]) -> Snapshot:
    """Return an app with these ways to taste: whose, on which listener, and whether there is a rule."""
    found = [
        TasteState(
            slot=slot,
            group_key="web:8080",
            listener=replace(world.LISTENER, arn=listener),
            rule=TASTE_RULE if there else None,
        )
        for slot, listener, there in tastes
    ]
    return replace(HALF, tastes=tuple(found))


def forwarding(**weights: int) -> Snapshot:
    """Return an app whose first route forwards to these groups."""
    route = HALF.routes[0]
    assert route.rule is not None
    forward = Forward(shares=tuple((f"tg/{name}", weight) for name, weight in weights.items()))
    return replace(HALF, routes=(replace(route, rule=replace(route.rule, forward=forward)), *HALF.routes[1:]))


def without_service() -> Snapshot:
    """Return an app whose slot b has no service."""
    return replace(HALF, slots={**HALF.slots, Slot.B: replace(HALF.slot(Slot.B), service=None)})


@pytest.mark.parametrize(
    ("step", "found", "shown"),
    [
        (HALVES, HALF, True),
        (replace(HALVES, index=1), HALF, False),
        (replace(HALVES, shares=((Slot.A, 5), (Slot.B, 5))), HALF, True),  # shares, not numbers
        (replace(HALVES, shares=((Slot.A, 51), (Slot.B, 49))), HALF, False),
        (TO_A, HALF, True),
        (replace(TO_A, index=0), HALF, False),
        (TAG, HALF, True),
        (TagMove(tag=MOVE.entering(Stage.DONE, LONG_AGO)), HALF, False),
        (TAG, NO_RULE, False),
        (UPDATE, HALF, True),
        (replace(UPDATE, revision=43), HALF, False),
        (replace(UPDATE, count=3), HALF, False),
        (replace(UPDATE, revision=43, count=3), HALF, False),
        (replace(UPDATE, revision=None), HALF, True),
        (replace(UPDATE, count=None), HALF, True),
        (UPDATE, without_service(), False),
        (RetireSlot(slot=Slot.B, service="s", count=2), HALF, False),
        (CreateRoute(index=0, route="r", slot=Slot.B, tag=None), NO_RULE, False),
        (CreateRoute(index=1, route="r", slot=Slot.B, tag=None), NO_RULE, True),
        (DeleteRoute(index=0, route="r"), NO_RULE, True),
        (DeleteRoute(index=1, route="r"), NO_RULE, False),
        (replace(TO_A, index=0), forwarding(a=100), True),
        (replace(TO_A, index=0), forwarding(a=100, b=0), False),  # in the end a route names one group alone
        (HALVES, forwarding(a=50, b=25, foreign=25), False),
        (TASTE, with_tastes((Slot.B, "listener/443", True)), True),
        (TASTE, with_tastes((Slot.B, "listener/80", True), (Slot.B, "listener/443", True)), True),
        (TASTE, with_tastes((Slot.B, "listener/443", False)), False),
        (TASTE, with_tastes((Slot.B, "listener/80", True)), False),
        (TASTE, with_tastes((Slot.A, "listener/443", True)), False),
        (GROUP, with_groups(True), True),
        (GROUP, with_groups(True, False), True),
        (GROUP, with_groups(False, True), False),
    ],
)
def test_what_shows_an_act(step: Act, found: Snapshot, shown: bool) -> None:  # noqa: FBT001 - a table's column
    """An act is seen when all that it wrote is there, and not before."""
    assert seen(step, found) is shown


@pytest.mark.parametrize(
    "step",
    [
        replace(HALVES, index=1),
        replace(TO_A, index=0),
        replace(UPDATE, revision=43),
        replace(UPDATE, count=5),
        replace(UPDATE, settings=True),
        RetireSlot(slot=Slot.B, service="s", count=2),
        DeleteRoute(index=0, route="r"),
    ],
)
def test_what_was_written_is_foretold(step: Act) -> None:
    """The look that is foretold shows the act, and differs in nothing else."""
    state = HALF.slot(Slot.B)
    assert state.service is not None
    loose = replace(state.service, breaker_enabled=False, minimum_healthy_percent=50)
    before = replace(HALF, slots={**HALF.slots, Slot.B: replace(state, service=loose)})
    foretold = as_written(step, before)
    assert seen(step, foretold)
    keys = ("route:0", "route:1", "service:a", "service:b", "tag:a", "tag:b")
    changed = [key for key in keys if value_of(key, foretold) != value_of(key, before)]
    index = getattr(step, "index", None)
    assert changed == ([f"route:{index}"] if index is not None else ["service:b"])


def test_nothing_is_foretold_of_what_is_not_there() -> None:
    """Without a rule, or a service, an act changes nothing in the look before it."""
    assert as_written(replace(TO_A, index=0), NO_RULE) == NO_RULE
    bare = without_service()
    assert as_written(UPDATE, bare) == bare
    for step in (TAG, TASTE, GROUP):
        assert as_written(step, HALF) is HALF
    tagged = HALF.slot(Slot.B).service
    assert tagged is not None
    assert value_of("tag:b", HALF) == tagged.tags["teal:deployment"]
    assert value_of("service:b", bare) is value_of("tag:b", bare) is value_of("route:0", NO_RULE) is None


def test_whose_it_is_stands_on_all_that_is_made() -> None:
    """The configured tags, the app's name, and the slot where there is one."""
    spec: Spec = replace(world.spec(), tags={"team": "shop"})
    assert owner_tags(spec) == {"team": "shop", "teal:app": spec.app}
    assert owner_tags(spec, Slot.B) == {"team": "shop", "teal:app": spec.app, "teal:slot": "b"}


@pytest.mark.parametrize(("before", "after"), [(HALF, NO_RULE), (NO_RULE, HALF)])
def test_tags_of_a_rule_that_one_of_two_looks_lacks(before: Snapshot, after: Snapshot) -> None:
    """A rule that has come or gone keeps what it has; the others get the tags that they had before."""
    found = tagged_as(before, after)
    assert found.routes[0] == after.routes[0]
    was, now = before.routes[1].rule, found.routes[1].rule
    assert was is not None
    assert now is not None
    assert now.tags == was.tags
