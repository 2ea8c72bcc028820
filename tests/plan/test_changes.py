"""The difference of two looks: every field that somebody else can change has its name, its before and its after."""

from dataclasses import replace
from typing import Any

import pytest

import seen
from plan.scenes import LONG_AGO, Scene
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.model.traffic import Condition, Forward
from teal.plan.changes import changes, counts, difference, listed

BEFORE = Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(0,), b="d7.42").seen()
ROUTE = "shop:443 rule 20"


def with_rule(**fields: Any) -> Snapshot:  # noqa: ANN401 - fields of a rule
    """Return the app with another rule; no fields: without it."""
    route = BEFORE.routes[0]
    assert route.rule is not None
    return replace(BEFORE, routes=(replace(route, rule=replace(route.rule, **fields) if fields else None),))


def with_service(slot: Slot, **fields: Any) -> Snapshot:  # noqa: ANN401 - fields of a service
    """Return the app with another service; no fields: without it."""
    state = BEFORE.slot(slot)
    assert state.service is not None
    service = replace(state.service, **fields) if fields else None
    return replace(BEFORE, slots={**BEFORE.slots, slot: replace(state, service=service)})


def told(after: Snapshot, before: Snapshot = BEFORE, *, mine: bool = False) -> list[tuple[str, bool]]:
    """Return the changes in words, and whether each may be adopted; `mine`: this run wrote in between."""
    written, updated = ({0}, set(Slot)) if mine else (set[int](), set[Slot]())
    found = changes(before, after, written=written, updated=updated, green=Slot.B)
    return [(str(change), change.adoptable) for change in found]


HEADER = Condition(field="http-header", header="X-Beta", values=("b", "a"))
QUERY = Condition(field="query-string", queries=(("v", "2"), ("", "x")))
OTHER = '{"Type":"authenticate-oidc"}'


@pytest.mark.parametrize(
    ("after", "change", "adoptable"),
    [
        (with_rule(), f"{ROUTE}: rule: there → gone", False),
        (with_rule(forward=Forward(shares=(("tg/b", 10), ("tg/a", 90)))),
         f"{ROUTE}: forwards to: slot a → slot a 90, slot b 10", False),
        (with_rule(forward=Forward(shares=(("arn:aws:x:targetgroup/other/1", 1),))),
         f"{ROUTE}: forwards to: slot a → other/1", False),
        (with_rule(forward=Forward(shares=(("tg/a", 1),), stickiness_s=60)), f"{ROUTE}: stickiness: off → 60 s", True),
        (with_rule(other_actions=(OTHER,)), f"{ROUTE}: other actions: none → {OTHER}", True),
        (with_rule(forward_order=2), f"{ROUTE}: order of the forward: None → 2", True),
        (with_rule(conditions=(QUERY, HEADER)),
         f"{ROUTE}: conditions: none → http-header X-Beta #3e23e816 | #ca978112; query-string =x | v=2", True),
        (with_rule(priority=21), f"{ROUTE}: priority: 20 → 21", True),
        (with_service(Slot.B), "service shop-web-b: service: there → gone", False),
        (with_service(Slot.A, arn="service/new"), "service shop-web-a: service: there → made anew", False),
        (with_service(Slot.A, task_definition_arn=seen.definition_arn(43)),
         "service shop-web-a: task definition: web:41 → web:43", False),
        (with_service(Slot.A, minimum_healthy_percent=50), "service shop-web-a: minimum percent: 100 → 50", True),
        (with_service(Slot.B, maximum_percent=150), "service shop-web-b: maximum percent: 200 → 150", False),
        (with_service(Slot.B, breaker_enabled=False, breaker_rolls_back=True),
         "service shop-web-b: circuit breaker: on, no rollback → off, rolls back", False),
        (with_service(Slot.A, target_group_arns=()), "service shop-web-a: target groups: tg/a → none", False),
        (with_service(Slot.A, status="DRAINING"), "service shop-web-a: status: ACTIVE → DRAINING", False),
    ],
)  # fmt: skip
def test_every_field_is_told(after: Snapshot, change: str, adoptable: bool) -> None:  # noqa: FBT001 - a table's column
    """Field by field, with what was and what is; only what teal merely keeps may be adopted."""
    assert told(after) == [(change, adoptable)]
    assert told(after, mine=True) == []


def test_a_group_that_is_not_there_is_nobodys() -> None:
    """Where a slot's group was deleted, what forwards elsewhere is told all the same."""
    state = BEFORE.slot(Slot.B)
    gone = replace(state, groups=(replace(state.groups[0], group=None, targets=None),))
    before = replace(BEFORE, slots={**BEFORE.slots, Slot.B: gone})
    after = replace(with_rule(forward=Forward(shares=(("tg/b", 1),))), slots=before.slots)
    assert told(after, before) == [(f"{ROUTE}: forwards to: slot a → tg/b", False)]


def test_a_route_that_does_not_forward_any_more_is_two_changes() -> None:
    """Where it leads, and what its last action is."""
    page = with_rule(forward=None, terminal="fixed-response")
    assert told(page) == [
        (f"{ROUTE}: forwards to: slot a → none", False),
        (f"{ROUTE}: last action: forward → fixed-response", False),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BEFORE, BEFORE),
        (BEFORE, replace(BEFORE, services_known=False, slots={s: seen.slot_state(s, None) for s in Slot})),
        (with_rule(), BEFORE),
        (with_service(Slot.B), BEFORE),
        (with_rule(forward=Forward(shares=(("tg/a", 9), ("tg/b", 1)))),
         with_rule(forward=Forward(shares=(("tg/b", 1), ("tg/a", 9))))),
        (BEFORE, with_service(Slot.A, running=1, pending=1)),
    ],
)  # fmt: skip
def test_what_is_no_change(before: Snapshot, after: Snapshot) -> None:
    """Nothing that was not read before, no order of groups, and nothing that happens by itself."""
    assert told(after, before) == []


def test_counts_are_told_apart() -> None:
    """Another count is its own list; one that this run asked for is in none."""
    more = with_service(Slot.A, desired=5)
    assert [str(each) for each in counts(BEFORE, more, set())] == ["service shop-web-a: tasks: 2 → 5"]
    assert counts(BEFORE, more, {Slot.A}) == ()
    assert counts(BEFORE, with_service(Slot.A), set()) == ()
    assert told(more) == []


def test_the_difference_of_two_looks_in_one_line() -> None:
    """What was asked for, what is on record, and what is there."""
    before = Scene(move=f"d7.a.b.prepare.{LONG_AGO}", b="d7.42").seen()
    after = Scene(move=f"d7.a.b.held.{LONG_AGO}", b="d7.42.back", healthy={Slot.A: 1}, shares=(1,)).seen()
    assert difference(before, after) == (
        "shop:443 rule 20: forwards to: slot a → slot b; "
        f"move: d7.a.b.prepare.{LONG_AGO} → d7.a.b.held.{LONG_AGO}; "
        "healthy in slot a: 2 → 1; tag of slot b: d7.42 → d7.42.back"
    )
    assert difference(before, before) == "nothing"
    moved = changes(before, after, written=set(), updated=set(), green=Slot.B)
    assert listed(moved) == "shop:443 rule 20: forwards to: slot a → slot b"
