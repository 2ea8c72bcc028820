"""The decision table: whatever is seen is exactly one row of it."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import pytest

import seen
from plan import scenes
from plan.scenes import Scene
from plan.words import HALF
from teal.model.identity import Slot
from teal.plan.situation import FULL, MEANINGS, RESTING_ROWS, UNKNOWN_ROWS, Row, classify
from teal.plan.unfinished import BOTH_WAYS, NEXT, NEXT_FIRST, what_next

ID, T = "d7", scenes.LONG_AGO
STAGES = ("prepare", "held", "shift", "done", "back")
TAGS = {  # of the slot that the move goes to
    "this": f"{ID}.42",
    "this served": f"{ID}.42.served",
    "this back": f"{ID}.42.back",
    "other": "d2.40",
    "other served": "d2.40.served",
    "other back": "d2.40.back",
    "none": "",
    "no service": None,
}
WEIGHTS = (Fraction(0), Fraction(1, 10), Fraction(1, 2), FULL)  # 0 and the configured ones
SHARES = (*WEIGHTS, Fraction(3, 10))
Shares = tuple[Fraction, ...]
Claim = Callable[[str, Shares, str], bool]


def zero(shares: Shares) -> bool:
    """No route gives anything to the slot."""
    return not any(shares)


def full(shares: Shares) -> bool:
    """Every route gives all to the slot."""
    return set(shares) == {FULL}


def level(shares: Shares) -> bool:
    """All routes are equal, and split."""
    return len(set(shares)) == 1 and 0 < shares[0] < 1


def written_in_part(shares: Shares) -> bool:
    """The first routes have the next configured weight, the rest the one before it."""
    return any(
        shares == (after,) * count + (before,) * (len(shares) - count)
        for before, after in pairwise(WEIGHTS)
        for count in range(1, len(shares))
    )


def foreign(tag: str) -> bool:
    """The slot is not tagged with this move's id."""
    return not tag.startswith("this")


TABLE: dict[int, Claim] = {
    4: lambda stage, shares, tag: stage == "prepare" and zero(shares) and tag == "other served",
    5: lambda stage, shares, tag: stage == "prepare" and zero(shares) and foreign(tag) and tag != "other served",
    6: lambda stage, shares, tag: stage == "prepare" and zero(shares) and tag == "this",
    7: lambda stage, shares, tag: stage == "held" and zero(shares) and tag == "this",
    8: lambda stage, _, tag: stage in {"prepare", "held"} and tag == "this back",
    9: lambda stage, shares, tag: stage == "prepare" and not zero(shares) and tag == "other served",
    10: lambda stage, shares, tag: stage in {"prepare", "held"} and not zero(shares) and tag == "this",
    11: lambda stage, shares, tag: stage == "shift" and zero(shares) and tag == "this",
    12: lambda stage, _, tag: stage == "shift" and tag == "this back",
    13: lambda stage, shares, tag: stage == "shift" and level(shares) and tag == "this",
    14: lambda stage, shares, tag: stage == "shift" and written_in_part(shares) and tag == "this",
    15: lambda stage, shares, tag: (
        stage == "shift"
        and tag == "this"
        and not (zero(shares) or level(shares) or full(shares) or written_in_part(shares))
    ),
    16: lambda stage, shares, tag: stage == "shift" and full(shares) and tag == "this",
    17: lambda stage, shares, tag: stage == "shift" and full(shares) and tag == "this served",
    18: lambda stage, shares, tag: stage == "done" and full(shares) and tag == "this served",
    19: lambda stage, shares, tag: (
        (stage in {"shift", "done"} and not full(shares) and tag == "this served")
        or (stage == "done" and tag == "this back")
    ),
    20: lambda stage, shares, tag: stage == "back" and zero(shares) and tag == "this back",
    21: lambda stage, shares, tag: stage == "back" and not foreign(tag) and (not zero(shares) or tag != "this back"),
    22: lambda stage, _, tag: stage != "prepare" and foreign(tag),
}


def expected(stage: str, shares: Shares, tag: str) -> int:
    """Return the row that claims a combination; 23 where none does. Two may not."""
    claiming = [row for row, claims in TABLE.items() if claims(stage, shares, tag)]
    assert len(claiming) <= 1, (stage, shares, tag, claiming)
    return claiming[0] if claiming else 23


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_combination_is_exactly_one_row(count: int) -> None:
    """Every stage, every mixture of shares and every tag of the service: one row claims it, and it is the one found."""
    wrong: list[str] = []
    rows = set[int]()
    slots = {name: Scene(b=tag).seen() for name, tag in TAGS.items()}
    spec = scenes.spec(count)
    for stage, shares in product(STAGES, product(SHARES, repeat=count)):
        routes = Scene(move=f"{ID}.a.b.{stage}.{T}", shares=shares).routes_seen()
        for name, base in slots.items():
            found, wanted = int(classify(spec, replace(base, routes=routes)).row), expected(stage, shares, name)
            rows.add(found)
            if found != wanted:
                wrong.append(f"{stage} {[str(share) for share in shares]} {name}: row {found}, should be {wanted}")
    assert wrong == []
    assert rows == set(range(4, 24)) - ({14, 15} if count == 1 else set[int]())


@pytest.mark.parametrize(
    ("shares", "a", "b", "row", "live", "to"),
    [
        ((0, 0), "", None, 1, "a", "b"),
        ((1, 1), "", "", 1, "b", "a"),
        ((1, None), None, "", 1, "b", "a"),
        ((0, 1), "", "", 2, None, "b"),
        ((Fraction(1, 2), Fraction(1, 2)), "", "", 2, None, "b"),
        ((None, None), None, None, 3, None, "a"),
        ((None, None), "d7.41", None, 3, None, "a"),
        ((None, None), None, "d7.42.back", 3, None, "b"),
        ((None, None), "d7.41.served", None, 23, None, "a"),
        ((None, None), "d7.41.back", "d8.42", 23, None, "a"),
    ],
)
def test_without_a_move_the_weights_and_services_are_read(
    shares: tuple[Fraction | int | None, ...], a: str | None, b: str | None, row: int, live: str | None, to: str
) -> None:
    """Without a move tag the slot with all the traffic is the live one; without a route the services' tags are all."""
    found = classify(scenes.spec(2), Scene(shares=shares, a=a, b=b).seen())
    assert (found.row, found.live, found.to) == (row, live, to)
    assert found.idle == (None if live is None else to)


@pytest.mark.parametrize(
    ("shares", "live"),
    [
        ((0, 0), "a"),
        ((1, 1), "b"),
        ((0, 1), None),
        ((1, 0), None),
        ((Fraction(1, 2), 0), None),
        ((Fraction(1, 2), Fraction(1, 2)), None),
        ((Fraction(1, 2), 1), None),
    ],
)
def test_a_slot_is_live_that_has_all_the_traffic_of_all_routes(
    shares: tuple[Fraction | int, ...], live: str | None
) -> None:
    """While one route gives anything to the other slot, no slot is live and none is idle."""
    found = classify(scenes.spec(2), Scene(move=f"{ID}.a.b.shift.{T}", shares=shares, b=f"{ID}.42").seen())
    assert (found.live, found.idle) == (live, {"a": "b", "b": "a", None: None}[live])


@pytest.mark.parametrize(
    ("shares", "stage", "tag", "row"),
    [
        ((1, None), "shift", "d7.42", 14),
        ((None, 1), "shift", "d7.42", 15),
        ((1, 1), "shift", "d7.42", 16),
        ((1, None, None), "shift", "d7.42", 14),
        ((1, None), "done", "d7.42.served", 18),
        ((1, 1), "done", "d7.42.served", 18),
        ((1, 1), "shift", "d7.42.served", 17),
        ((1, HALF), "shift", "d7.42", 23),  # teal takes all of a route's weight or none: somebody else did
        ((HALF, None), "shift", "d7.42", 23),
        ((HALF, HALF), "shift", "d7.42", 13),
        ((1, HALF), "shift", "d7.42.served", 23),
        ((None, 1), "shift", "d7.42.served", 19),
        ((None, 1), "done", "d7.42.served", 18),
        ((1, HALF), "done", "d7.42.served", 23),
        ((1, HALF), "shift", "d7.42.back", 12),
    ],
)
def test_a_first_deployment_counts_its_missing_routes_while_it_shifts(
    shares: tuple[Fraction | int | None, ...], stage: str, tag: str, row: int
) -> None:
    """While a first deployment makes its routes a missing one has share 0; later it is merely missing."""
    scene = Scene(move=f"{ID}.none.b.{stage}.{T}", shares=shares, a=None, b=tag)
    assert classify(scenes.spec(len(shares)), scene.seen()).row == row


def test_where_routes_differ_the_newest_tag_is_the_move() -> None:
    """A tag that reached only some of the routes is the move all the same; a route without one takes the app's."""
    older, newer = f"{ID}.a.b.prepare.{T}", f"{ID}.a.b.held.{T + 5}"
    for moves in ((older, newer), (newer, older), (newer, None), (None, newer)):
        assert classify(scenes.spec(2), Scene(shares=(0, 0), moves=moves, b=f"{ID}.42").seen()).row == Row.HELD


def test_every_row_says_what_it_means_and_what_comes_next() -> None:
    """Each row has its meaning in words, what is unfinished, and commands to type next that differ by row."""
    assert set(MEANINGS) == set(Row) == set(NEXT)
    assert {row for row, then in NEXT.items() if not then.unfinished} == RESTING_ROWS | {Row.NO_ROUTE}
    assert all(then.commands and then.does for then in (*NEXT.values(), *NEXT_FIRST.values()))
    assert all(NEXT[row].commands == BOTH_WAYS for row in UNKNOWN_ROWS)


@pytest.mark.parametrize(
    ("stage", "shares", "tag", "commands"),
    [
        ("shift", (1, None), f"{ID}.42", ("teal flip", "teal abort")),
        ("shift", (1,), f"{ID}.42", ("teal flip", "teal abort")),
        ("shift", (1,), f"{ID}.42.served", ("teal flip",)),
        ("done", (1,), f"{ID}.42.served", ("teal deploy",)),
    ],
)
def test_a_first_deployment_is_never_told_to_go_back(
    stage: str, shares: tuple[int | None, ...], tag: str, commands: tuple[str, ...]
) -> None:
    """Nothing served before it: what comes next is going on, or ending it, never a rollback."""
    found = Scene(move=f"{ID}.none.b.{stage}.{T}", shares=shares, a=None, b=tag, create=True).seen()
    assert what_next(found, classify(scenes.spec(len(shares), create=True), found)).commands == commands


RETIRED = seen.slot_state(Slot.A, seen.service(Slot.A, 41, desired=0, running=0, deployment="d1.41.served"), healthy=0)


@pytest.mark.parametrize(
    ("stage", "shares", "tag", "commands"),
    [
        ("shift", (Fraction(1, 2),), f"{ID}.42", ("teal flip", "teal rollback")),
        ("shift", (1,), f"{ID}.42.served", ("teal flip", "teal rollback")),
        ("held", (0,), f"{ID}.42", ("teal flip", "teal abort")),
        ("done", (1,), f"{ID}.42.served", ("teal rollback", "teal deploy")),
        ("back", (0,), f"{ID}.42.back", ("teal deploy", "teal flip --again")),
    ],
)
def test_after_the_first_deployment_there_is_a_way_back_unless_it_is_retired(
    stage: str, shares: tuple[Fraction | int, ...], tag: str, commands: tuple[str, ...]
) -> None:
    """What comes next names the way back; at rest, with that slot scaled to 0, there is only a deployment."""
    found = Scene(move=f"{ID}.a.b.{stage}.{T}", shares=shares, b=tag).seen()
    assert what_next(found, classify(scenes.spec(), found)).commands == commands
    without = replace(found, slots={**found.slots, Slot.A: RETIRED})
    left = ("teal deploy",) if stage == "done" else commands
    assert what_next(without, classify(scenes.spec(), without)).commands == left


@pytest.mark.parametrize(
    ("a", "unfinished", "commands"),
    [
        (None, "", ("teal deploy",)),
        ("d7.41", "a first deployment has no traffic yet", ("teal deploy", "teal abort")),
        ("d7.41.back", "", ("teal deploy", "teal deploy --again")),
    ],
)
def test_without_a_route_the_tag_says_what_comes_next(
    a: str | None, unfinished: str, commands: tuple[str, ...]
) -> None:
    """Before the first production rule there is something to begin, to go on with, or to try again."""
    found = Scene(shares=(None,), a=a, b=None).seen()
    then = what_next(found, classify(scenes.spec(1), found))
    assert (then.unfinished, then.commands) == (unfinished, commands)


def test_what_fits_no_record_is_told_from_rules_that_are_gone() -> None:
    """Where there are rules, none is created by naming a slot: the advice is about what is there."""
    found = Scene().seen()
    then = what_next(found, replace(classify(scenes.spec(1), found), row=Row.UNKNOWN))
    assert then == NEXT[Row.UNKNOWN]
    assert "fits no record" in then.unfinished
