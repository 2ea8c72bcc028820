"""What there is to spoil: the commands with their scenes, their calls, and each fault on each of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.calls import FAULTS, Deed, Point
from benchmarks.verdict import COMMANDS, WENT_BACK, Command

from cli_stage import told
from lives import adopted, app, fork, killed, must, on, rest
from region import Stage
from spoilt.line import PATIENCE, Line
from teal.app.facade import App
from teal.app.journals import AppJournal
from teal.model.run import Deploy

SCALE = 0.1  # at which a timeout is short beside a bake, and a deployment takes a few hundred calls
TICK_S = 0.2
SHIFT = '["10% for 1m", "50% for 1m", "100%"]'
FIRST = Command(name="first", words=("deploy", "--yes"), scene=())
FAILED = Command(name="failed", words=("deploy", "--yes"), scene=(), ends=WENT_BACK)  # what it deploys cannot start
UNMADE = Command(name="unmade", words=("abort",), scene=())  # a first deployment, when it had all its rules
ALL = (FIRST, *COMMANDS, FAILED, UNMADE)
RULES = 4  # two of the routes, two for tasting


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One call of one command, and what becomes of it, once or at each attempt."""

    command: str
    point: Point
    deed: Deed
    times: int

    def __str__(self) -> str:
        return f"{self.command}, {self.point}: {self.deed}, {self.times} ×"


def cells(command: Command, points: Iterable[Point]) -> list[Cell]:
    """Return the cells of a command."""
    return [
        Cell(command=command.name, point=point, deed=deed, times=times)
        for point in points
        for deed in FAULTS
        for times in (1, PATIENCE.attempts)
    ]


def scenes(directory: Path) -> dict[str, Stage]:
    """Return the app as each command finds it."""
    bare = app(directory, shift=SHIFT, bake="1m", time_scale=SCALE)
    bare.region.shortest_tick_s = TICK_S
    found = {
        FIRST.name: on(bare, "1"),
        UNMADE.name: rest(killed(on(fork(bare), "1"), Deploy(), ("CreateRule", RULES))),
    }
    serving = rest(must(on(adopted(on(fork(bare), "1")), "2"), Deploy()))
    serving = rest(must(on(serving, "3"), Deploy()))
    found[FAILED.name] = on(serving, "4crash")
    for command in COMMANDS:
        play = on(fork(serving), "4")
        for words in command.scene:
            code, said = run(play, words)
            assert code == 0, said
        found[command.name] = rest(play)
    return found


def opened(play: Stage, line: Line | None = None) -> App:
    """Return the use cases as a new process has them, with a wire in between or not."""
    ports = replace(play, door=line).ports()
    if line is not None:
        ports = replace(ports, gather=line.gather, within=line.within)
    return App(play.spec, ports, timeout_s=None, calls={}, journal=AppJournal(None))


def run(play: Stage, words: tuple[str, ...], line: Line | None = None) -> tuple[int, str]:
    """Run a command line to its end; return its exit code and what it printed."""
    return told(opened(play, line), " ".join(words), {})
