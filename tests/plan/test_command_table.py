"""The command table, every cell of it: what a command does wherever things stand.

Each column is a scene, played by real commands that are killed at the right moment; each cell is one command more, its
exit code, and where the app stands then. Images are named by number: slot a serves 1, slot b 2, the newcomer is 3, and
4 is what somebody else would rather have.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lives import SCALE, adopted, app, fork, judged, killed, must, on, rest, state, watched
from region import Stage
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback

Scene = Callable[[], Stage]
_FOUND: dict[str, Stage] = {}


def at_rest() -> Stage:
    """Slot b serves 2 after a move from slot a, which is warm with 1."""
    return rest(must(on(rest(must(on(first(), "1"), Deploy())), "2"), Deploy()))


def bare() -> Stage:
    """Nothing is deployed."""
    with TemporaryDirectory() as directory:
        return app(Path(directory))


def first() -> Stage:
    """Slot a serves 1, the first deployment."""
    return rest(must(on(bare(), "1"), Deploy()))


def untouched() -> Stage:
    """3 is announced; slot a still holds 1."""
    return killed(on(scene("at rest"), "3"), Deploy(), ("AddTags", 1))


def rolled_back() -> Stage:
    """Production went back from 2 to 1 a while ago."""
    return rest(must(scene("at rest"), Rollback()))


def nothing_good() -> Stage:
    """3 is announced; slot b still holds 2, which was rolled back."""
    return killed(on(scene("rolled back"), "3"), Deploy(), ("AddTags", 1))


def starting() -> Stage:
    """Slot a has just been asked to run 3."""
    return killed(on(scene("at rest"), "3"), Deploy(), ("UpdateService", 1))


def held() -> Stage:
    """3 is held in slot a, tasted."""
    return must(on(scene("at rest"), "3"), Deploy(hold=True))


def step() -> Stage:
    """3 has 10 % on both routes."""
    return killed(on(scene("at rest"), "3"), Deploy(), ("ModifyRule", 2))


def writing() -> Stage:
    """3 has 50 % on the first route and 10 % on the second."""
    return killed(on(scene("at rest"), "3"), Deploy(), ("ModifyRule", 3))


def mixture() -> Stage:
    """3 had 50 %; its rollback has reached the first route alone."""
    half = killed(on(scene("at rest"), "3"), Deploy(), ("ModifyRule", 4))
    return killed(half, Rollback(), ("ModifyRule", 1))


LANDED_S = 361.0  # after so long a weight that was announced has landed, at whatever scale


def baking() -> Stage:
    """3 has everything, and has not baked."""
    return killed(on(scene("at rest"), "3"), Deploy(), ("ModifyRule", 6))


def baked() -> Stage:
    """3 has everything, and has baked long enough; nobody has recorded it."""
    return rest(baking(), 600.0 + LANDED_S / SCALE)


def taken_back() -> Stage:
    """3 was held; its abort has tagged the service alone."""
    return killed(scene("held"), Abort(), ("TagResource", 1))


def announced() -> Stage:
    """The shift to 3 was announced a while ago, and nothing was shifted."""
    return rest(killed(on(scene("held"), "3"), Flip(), ("AddTags", 1)))


def by_hand() -> Stage:
    """Slot a serves 1 from a service and rules that were made by hand."""
    return adopted(on(bare(), "1"))


def retired() -> Stage:
    """Slot b serves 2; slot a holds 1 and has no tasks any more."""
    return rest(must(scene("at rest"), Retire()))


SCENES: dict[str, tuple[Scene, int]] = {
    "by hand": (by_hand, 1),
    "first": (first, 18),
    "at rest": (at_rest, 18),
    "untouched": (untouched, 4),
    "nothing good": (nothing_good, 5),
    "starting": (starting, 6),
    "held": (held, 7),
    "step": (step, 13),
    "writing": (writing, 14),
    "mixture": (mixture, 15),
    "baking": (baking, 16),
    "baked": (baked, 16),
    "taken back": (taken_back, 8),
    "announced": (announced, 11),
    "rolled back": (rolled_back, 20),
    "retired": (retired, 18),
}


def scene(name: str) -> Stage:
    """Return a copy of a scene; each is played once."""
    if name not in _FOUND:
        _FOUND[name] = SCENES[name][0]()
    return fork(_FOUND[name])


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_is_the_row_it_is_named_for(name: str) -> None:
    """A command that is killed leaves the app in the row that the decision table names."""
    assert state(scene(name)).row == SCENES[name][1]


DONE = "18: 100 100 | b.a.done | 3.served | 2.served"
BACK = "20: 0 0 | b.a.back | 3.back | 2.served"
REST = "18: 0 0 | a.b.done | 1.served | 2.served"
HELD = "7: 0 0 | b.a.held | 3 | 2.served"
REPLACED = "18: 100 100 | b.a.done | 4.served | 2.served"
FIRST = "18: 100 100 | none.a.done | 1.served | "
BY_HAND = "1: 100 100 |  |  | "
ROLLED = "20: 100 100 | a.b.back | 1.served | 2.back"
GOOD = "18: 0 0 | a.b.done | 1.served | 3.served"
UNTOUCHED = "4: 0 0 | b.a.prepare | 1.served | 2.served"
NOTHING = "5: 100 100 | a.b.prepare | 1.served | 2.back"
STARTING = "6: 0 0 | b.a.prepare | 3 | 2.served"
OTHER_ON_B = "18: 0 0 | a.b.done | 1.served | 4.served"
STEP = "13: 10 10 | b.a.shift | 3 | 2.served"
WRITING = "14: 50 10 | b.a.shift | 3 | 2.served"
BAKING = "16: 100 100 | b.a.shift | 3 | 2.served"

Cell = tuple[str, int, str]
SAME: list[Cell] = [
    ("by hand", 0, BY_HAND),
    ("first", 0, FIRST),
    ("at rest", 0, REST),
    ("untouched", 0, DONE),
    ("nothing good", 0, GOOD),
    ("starting", 0, DONE),
    ("held", 0, HELD),
    ("step", 0, DONE),
    ("writing", 0, DONE),
    ("mixture", 7, BACK),
    ("baking", 0, DONE),
    ("baked", 0, DONE),
    ("taken back", 7, BACK),
    ("announced", 7, BACK),
    ("rolled back", 7, ROLLED),
    ("retired", 0, REST),
]
SAME_IMAGE = {"by hand": "1", "first": "1", "at rest": "2", "rolled back": "2", "retired": "2"}
OTHER: list[Cell] = [
    ("by hand", 0, OTHER_ON_B),
    ("first", 0, OTHER_ON_B),
    ("at rest", 0, REPLACED),
    ("untouched", 0, REPLACED),
    ("nothing good", 0, OTHER_ON_B),
    ("starting", 0, REPLACED),
    ("held", 6, HELD),
    ("step", 6, STEP),
    ("writing", 6, WRITING),
    ("mixture", 0, REPLACED),
    ("baking", 6, BAKING),
    ("baked", 0, "18: 0 0 | a.b.done | 3.served | 4.served"),
    ("taken back", 0, REPLACED),
    ("announced", 0, REPLACED),
    ("rolled back", 0, OTHER_ON_B),
    ("retired", 0, REPLACED),
]
FLIP: list[Cell] = [
    ("by hand", 0, BY_HAND),
    ("first", 0, FIRST),
    ("at rest", 0, REST),
    ("untouched", 5, UNTOUCHED),
    ("nothing good", 5, NOTHING),
    ("starting", 0, DONE),
    ("held", 0, DONE),
    ("step", 0, DONE),
    ("writing", 0, DONE),
    ("mixture", 7, BACK),
    ("baking", 0, DONE),
    ("baked", 0, DONE),
    ("taken back", 7, BACK),
    ("announced", 7, BACK),
    ("rolled back", 7, ROLLED),
    ("retired", 0, REST),
]
ROLLBACK: list[Cell] = [
    ("by hand", 5, BY_HAND),
    ("first", 5, FIRST),
    ("at rest", 0, ROLLED),
    ("untouched", 0, ROLLED),
    ("nothing good", 5, NOTHING),
    ("starting", 5, STARTING),
    ("held", 5, HELD),
    ("step", 0, BACK),
    ("writing", 0, BACK),
    ("mixture", 0, BACK),
    ("baking", 0, BACK),
    ("baked", 0, BACK),
    ("taken back", 0, BACK),
    ("announced", 0, BACK),
    ("rolled back", 0, ROLLED),
    ("retired", 5, REST),
]
ABORT: list[Cell] = [
    ("by hand", 0, BY_HAND),
    ("first", 0, FIRST),
    ("at rest", 0, REST),
    ("untouched", 0, REST),
    ("nothing good", 0, ROLLED),
    ("starting", 0, REST),
    ("held", 0, BACK),
    ("step", 0, BACK),
    ("writing", 0, BACK),
    ("mixture", 0, BACK),
    ("baking", 0, BACK),
    ("baked", 0, BACK),
    ("taken back", 0, BACK),
    ("announced", 0, BACK),
    ("rolled back", 0, ROLLED),
    ("retired", 0, REST),
]
RETIRE: list[tuple[str, int, str, str]] = [  # and the slot that has no tasks then
    ("by hand", 0, BY_HAND, ""),
    ("first", 0, FIRST, ""),
    ("at rest", 0, REST, "a"),
    ("untouched", 6, UNTOUCHED, ""),
    ("nothing good", 6, NOTHING, ""),
    ("starting", 6, STARTING, ""),
    ("held", 6, HELD, ""),
    ("step", 6, STEP, ""),
    ("writing", 6, WRITING, ""),
    ("mixture", 6, "15: 0 50 | b.a.shift | 3 | 2.served", ""),
    ("baking", 6, BAKING, ""),
    ("baked", 6, BAKING, ""),
    ("taken back", 0, BACK, "a"),
    ("announced", 0, BACK, "a"),
    ("rolled back", 0, ROLLED, "b"),
    ("retired", 0, REST, "a"),
]
FLIP_AGAIN: list[Cell] = [
    ("mixture", 0, DONE),
    ("taken back", 0, DONE),
    ("announced", 0, DONE),
    ("rolled back", 0, "18: 0 0 | a.b.done | 1.served | 2.served"),
]


def play(name: str, intent: Intent, image: str = "3") -> tuple[int, str, Stage]:
    """Run one command in a scene, under the eyes of production; return how it ended and where the app stands."""
    here = on(scene(name), image)
    production = watched(here)
    ended = here.run(intent)
    here.region.pass_time(5.0)
    assert production.failures == ()
    found = state(here)
    assert ended.exit_code != 0 or found.ids or found.row == 1, "the move is not that of the slot it went to"
    return ended.exit_code, str(found), here


@pytest.mark.parametrize(("name", "exit_code", "then"), SAME)
def test_deploy_of_the_same_content(name: str, exit_code: int, then: str) -> None:
    """`deploy` of what serves does nothing; of what is under way, it goes on; of what went back, it wants a word."""
    assert play(name, Deploy(), SAME_IMAGE.get(name, "3"))[:2] == (exit_code, then)


@pytest.mark.parametrize(("name", "exit_code", "then"), OTHER)
def test_deploy_of_other_content(name: str, exit_code: int, then: str) -> None:
    """`deploy` of something else starts, supersedes what has not been tasted, and never cuts in on traffic."""
    assert play(name, Deploy(), "4")[:2] == (exit_code, then)


@pytest.mark.parametrize(("name", "exit_code", "then"), FLIP)
def test_flip(name: str, exit_code: int, then: str) -> None:
    """`flip` goes on to the end with what is under way, and never to a slot that is merely idle."""
    assert play(name, Flip())[:2] == (exit_code, then)


@pytest.mark.parametrize(("name", "exit_code", "then"), ROLLBACK)
def test_rollback(name: str, exit_code: int, then: str) -> None:
    """`rollback` sends production to where the recorded move came from, wherever that is."""
    assert play(name, Rollback())[:2] == (exit_code, then)


@pytest.mark.parametrize(("name", "exit_code", "then"), ABORT)
def test_abort(name: str, exit_code: int, then: str) -> None:
    """`abort` ends the move under way, whatever its stage, and does nothing at rest."""
    assert play(name, Abort())[:2] == (exit_code, then)


@pytest.mark.parametrize(("name", "exit_code", "then", "emptied"), RETIRE)
def test_retire(name: str, exit_code: int, then: str, emptied: str) -> None:
    """`retire` scales the idle slot to 0, at rest and once everything is taken back; it moves no traffic."""
    ended, found, here = play(name, Retire())
    services = {slot: here.look().slot(slot).service for slot in Slot}
    without = "".join(slot for slot, service in services.items() if service is not None and not service.desired)
    assert (ended, found, without) == (exit_code, then, emptied)


@pytest.mark.parametrize(("name", "exit_code", "then"), FLIP_AGAIN)
def test_flip_again(name: str, exit_code: int, then: str) -> None:
    """`flip --again` tastes and flips what was taken back, under a new id."""
    assert play(name, Flip(again=True))[:2] == (exit_code, then)


@pytest.mark.parametrize(
    ("intent", "image", "name", "then"),
    [
        (Deploy(again=True), "2", "rolled back", REST),
        (Deploy(again=True), "3", "announced", DONE),
        (Deploy(replace=True), "4", "held", REPLACED),
        (Deploy(hold=True), "3", "starting", HELD),
        (Deploy(), "1", "at rest", "18: 100 100 | b.a.done | 1.served | 2.served"),
        (Deploy(restart=True), "2", "at rest", "18: 100 100 | b.a.done | 2.served | 2.served"),
    ],
)
def test_words_that_open_a_closed_cell(intent: Deploy, image: str, name: str, then: str) -> None:
    """`--again`, `--replace`, `--hold`, `--restart` do what they say; warm content is deployed like any other."""
    assert play(name, intent, image)[:2] == (0, then)


@pytest.mark.parametrize("name", ["step", "writing", "baking", "announced", "held", "at rest"])
@pytest.mark.parametrize("intent", [Rollback(), Abort(), Deploy(), Flip(), Retire()])
def test_a_command_that_has_ended_well_finds_nothing_more_to_do(name: str, intent: Intent) -> None:
    """Run twice, every command does nothing the second time: rollback is not a toggle."""
    exit_code, then, here = play(name, intent)
    written = len(here.region.written)
    again = here.run(intent)
    assert (again.exit_code == exit_code, str(state(here)), len(here.region.written)) == (True, then, written)


@pytest.mark.parametrize(
    ("name", "intent", "marked"),
    [
        ("at rest", Rollback(), {"2"}),
        ("step", Rollback(), {"3"}),
        ("mixture", Rollback(), {"3"}),
        ("baking", Rollback(), {"3"}),
        ("baking", Abort(), set[str]()),
        ("held", Abort(), set[str]()),
        ("starting", Abort(), set[str]()),
        ("announced", Deploy(), set[str]()),
    ],
)
def test_only_a_judgement_is_recorded_as_one(name: str, intent: Intent, marked: set[str]) -> None:
    """`rollback` marks the revision that it takes back; ending a deployment that nobody judged marks nothing."""
    assert judged(play(name, intent)[2]) == marked


def test_a_young_announcement_is_somebody_at_work() -> None:
    """A shift that was announced less than a minute ago is left alone; `rollback` is not kept waiting by it."""
    with TemporaryDirectory() as directory:
        slow = app(Path(directory), time_scale=1.0)
    must(on(rest(must(on(slow, "1"), Deploy())), "2"), Deploy(hold=True))
    young = killed(on(slow, "2"), Flip(), ("AddTags", 1))
    assert on(fork(young), "2").run(Deploy()).exit_code == 6
    assert fork(young).run(Flip()).exit_code == 6
    assert fork(young).run(Rollback()).exit_code == 0
    assert fork(young).run(Abort()).exit_code == 0
