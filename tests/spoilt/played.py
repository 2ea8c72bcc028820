"""Cells, played and judged.

A command runs once, with AWS well. At each of its calls it branches, once for each cell: there the call is spoiled, the
command goes on to its end, and is judged by the verdict of the matrices. All the while production is asked, at every
tick and after everything that may have changed something.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from traceback import format_exc

from benchmarks.calls import Call, Counting, Deed, Point, Spoiling
from benchmarks.verdict import Command, Status, judge, judge_again, told

from lives import TWO_HOSTS, Production, answers, fork, rest
from region import Stage
from spoilt.branches import Branches
from spoilt.cells import UNMADE, Cell, cells, opened, run
from spoilt.line import Line

ANNOUNCED_S = 70.0  # a shift that was announced and not begun is settled when it is 60 s old


@dataclass(slots=True)
class Asked:
    """Production, asked all the while, where it is served."""

    production: Production
    requests: int = 0

    def look(self) -> None:
        """Ask each route, and see to it that whoever has weight is healthy."""
        if self.production.served:
            self.production.look()
            self.production.ask()
            self.requests += len(TWO_HOSTS)

    @property
    def problem(self) -> str:
        """What was not answered; empty when all was."""
        return "; ".join(self.production.failures[:3])


def watched(play: Stage, command: Command) -> Asked:
    """Ask production from now on, where it answers; not where the command is there to take it away."""
    asked = Asked(Production(play.region, served=command != UNMADE and answers(play.region)))
    play.region.each_tick.append(asked.look)
    return asked


def unwhole(rested: Status) -> str:
    """Say what a slot that serves lacks at rest: every task that it wants is healthy."""
    lacking = [
        f"slot {view['slot']} has {view['targets_healthy']} healthy targets, and wants {view['tasks_desired']} tasks"
        for view in rested["slots"]
        if view["slot"] == rested["live"] and not 0 < view["tasks_desired"] <= view["targets_healthy"]
    ]
    return "; ".join(lacking)


@dataclass(slots=True)
class Playing:
    """A command under way: the main story, or the branch of one cell."""

    command: Command
    wanted: Collection[Cell]
    branches: Branches
    line: Line
    counting: Counting = field(default_factory=Counting)
    spoiling: Spoiling | None = None

    def decide(self, call: Call) -> Deed:
        """Let a call pass in the main story; spoil it in a branch."""
        if self.spoiling is not None:
            return self.spoiling(call)
        known = len(self.counting.seen)
        point = self.counting.hear(call)
        if len(self.counting.seen) > known:
            for cell in cells(self.command, (point,)):
                if cell in self.wanted and self.branches.begin(str(cell)):
                    self.spoiling = Spoiling(point=cell.point, deed=cell.deed, times=cell.times, counting=self.counting)
                    return self.spoiling(call)
        return Deed.PASS

    def over(self) -> bool:
        """Say whether nothing will be spoiled any more."""
        return self.spoiling is not None and self.spoiling.over

    def to_its_end(self, scene: Stage) -> tuple[Point, ...]:
        """Run the command from its scene, with all its branches; return its points."""
        here = fork(scene)
        before = opened(here).status()
        asked = watched(here, self.command)
        self.line.begin(here.region, self.decide, asked.look, self.over)
        try:
            code, said = run(here, self.command.words, self.line)
            if self.spoiling is not None:
                self.branches.tell(self._judged(here, before, (code, said), asked))
        except Exception:  # whatever it is: a branch that ends without a word would be a cell that nobody judged
            if self.spoiling is not None:
                self.branches.tell({"problem": format_exc()})
            raise
        assert (code, asked.problem) == (self.command.ends, ""), said
        return tuple(self.counting.seen)

    def _judged(self, here: Stage, before: Status, ended: tuple[int, str], asked: Asked) -> dict[str, object]:
        assert self.spoiling is not None
        code, said = ended
        end = opened(here).status()
        problem = judge(self.command, before, code, said, end)
        again = -1
        if not problem:
            rest(here, ANNOUNCED_S)
            again, said_again = run(here, self.command.words)
            rested = opened(here).status()
            problem = judge_again(self.command, before, again, said_again, rested) or unwhole(rested)
        problem = "\n".join(each for each in (problem, asked.problem) if each)
        if problem:
            problem = f"{problem}\n  before {told(before)}\n  end {code}, {told(end)}\n  said {said[-1500:]}"
        return {
            "problem": problem,
            "end": code,
            "again": again,
            "spoiled": self.spoiling.spoiled,
            "requests": asked.requests,
        }
