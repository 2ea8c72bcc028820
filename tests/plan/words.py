"""The steps of small moves in words, and the scenes in which they are planned."""

from dataclasses import replace
from fractions import Fraction

from plan.scenes import LONG_AGO, Scene
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.model.snapshot import Snapshot

T = LONG_AGO
TENTH, HALF = Fraction(1, 10), Fraction(1, 2)
ROUTE_1, ROUTE_2 = "shop:443 rule 20", "shop:443 rule 21"
TO_A_1, TO_A_2 = f"send 100 % → slot a on {ROUTE_1}", f"send 100 % → slot a on {ROUTE_2}"
TO_B_1 = f"send 100 % → slot b on {ROUTE_1}"
BACK_B, BACK_A = (
    "record that slot b was taken back with revision 42",
    "record that slot a was taken back with revision 41",
)
TAKEN_BACK = "record that the move a → b was taken back"
PREPARED = "record that a move a → b is being prepared"
MARKED = "mark web:42 as taken back"
WHOLE_B = "wait until slot b is whole: 2 tasks of one revision, all healthy for 30 s"
EVERY: tuple[Intent, ...] = (Deploy(), Flip(), Rollback(), Abort())


def scene(stage: str, *shares: Fraction | int, b: str | None = "d7.42", at_s: int = T) -> Scene:
    """Return a move d7 from slot a to slot b."""
    return Scene(move=f"d7.a.b.{stage}.{at_s}", shares=shares, b=b)


def redirected(found: Scene | Snapshot, index: int) -> Snapshot:
    """Return the app with a route that redirects."""
    world = found.seen() if isinstance(found, Scene) else found
    routes = list(world.routes)
    rule = routes[index].rule
    assert rule is not None
    routes[index] = replace(routes[index], rule=replace(rule, forward=None, terminal="redirect"))
    return replace(world, routes=tuple(routes))
