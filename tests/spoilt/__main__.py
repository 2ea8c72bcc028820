"""`python -m spoilt`: every fault on every call of every command, or a sample of them; prints one JSON object.

Run with the repository and its folder `tests` on the path; `make fault-cells` does. Exit 0 only when nothing was wrong.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - a draw from a seed
from tempfile import TemporaryDirectory

from spoilt.branches import Branches
from spoilt.cells import ALL, Cell, cells, scenes
from spoilt.line import SIGNED_AS, Line
from spoilt.played import Playing

TOLD_MOST = 50


@dataclass(slots=True)
class Result:
    """What came of the cells."""

    world: str = "memory"
    points: dict[str, int] = field(default_factory=dict[str, int])  # of each command
    operations: list[str] = field(default_factory=list[str])  # that some point is of
    cells_in_all: int = 0
    cells: int = 0
    spoiled: int = 0  # attempts
    ends: dict[str, int] = field(default_factory=dict[str, int])  # how often each exit code
    ends_again: dict[str, int] = field(default_factory=dict[str, int])  # of the same command again
    requests: int = 0
    wrong: int = 0
    problems: list[str] = field(default_factory=list[str])
    took_s: float = 0.0
    cells_per_s: float = 0.0

    def count(self, branches: Branches) -> None:
        """Count what the branches told."""
        ended = branches.ended.values()
        self.cells = len(ended)
        self.spoiled = sum(each.get("spoiled", 0) for each in ended)
        self.requests = sum(each.get("requests", 0) for each in ended)
        self.ends = dict(Counter(str(each.get("end")) for each in ended))
        self.ends_again = dict(Counter(str(each.get("again")) for each in ended))
        wrong = {name: each["problem"] for name, each in branches.ended.items() if each["problem"]}
        self.wrong = len(wrong)
        self.problems = [f"{name}: {problem}" for name, problem in list(wrong.items())[:TOLD_MOST]]


def main() -> int:
    """Play what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m spoilt", description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many cells, drawn from the seed; 0 plays all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cells whose name has this in it")
    parser.add_argument("--commands", default=",".join(command.name for command in ALL))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cells that are played at once")
    asked = parser.parse_args()
    os.environ.update(SIGNED_AS)  # noqa: TID251 - botocore looks for credentials there
    commands = [command for command in ALL if command.name in asked.commands.split(",")]
    result, branches, began_s = Result(), Branches(at_once=asked.jobs), time.perf_counter()
    with TemporaryDirectory() as directory:
        found = scenes(Path(directory))
    line = Line(found[commands[0].name].region)
    every: list[Cell] = []
    for command in commands:
        points = Playing(command, (), branches, line).to_its_end(found[command.name])
        result.points[command.name] = len(points)
        every += [cell for cell in cells(command, points) if asked.only in str(cell)]
    result.operations = sorted({cell.point.operation for cell in every})
    result.cells_in_all = len(every)
    gc.freeze()  # what the branches have in common, and botocore's clients, is not copied to be counted
    draw = Random(asked.seed)  # noqa: S311 - a draw, not a secret
    wanted = frozenset(draw.sample(every, min(asked.sample or len(every), len(every))))
    for command in commands:
        Playing(command, wanted, branches, line).to_its_end(found[command.name])
        branches.join()
        sys.stderr.write(f"{command.name}: {len(branches.ended)} of {len(wanted)} cells\n")
    result.count(branches)
    result.took_s = round(time.perf_counter() - began_s, 1)
    result.cells_per_s = round(result.cells / result.took_s, 2)
    sys.stdout.write(f"{json.dumps(asdict(result), indent=2, ensure_ascii=False)}\n")
    return 0 if result.wrong == 0 and result.cells == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
