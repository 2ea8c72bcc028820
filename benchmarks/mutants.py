"""The mutation test: does a test fail when one small thing is wrong?

Everything is imported and collected once. For each mutant a process is forked, the code of one function, or the value
of one constant, is changed in it, and the tests that reach its lines are run until one fails: first those that noticed
something else that was wrong in the same function, then the short ones.
Which tests reach which lines is measured first, and kept. A mutant whose tests do not end in time counts as noticed.
With each file goes a control, in which nothing is wrong: it must not fail, or the tests fail by themselves.

What was played can be kept in a file, one JSON line for each mutant, and a run that finds it there goes on from it.
Mutants that change nothing anybody could notice are listed, with the reason, in `mutants_equivalent.toml`.

What mutmut leaves out, and teal has many of, is mutated here: properties, other decorated functions, constants.
"""

import argparse
import ast
import gc
import json
import os
import signal
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import accumulate, groupby
from pathlib import Path
from random import Random
from time import monotonic, sleep
from types import CodeType, FunctionType
from typing import Final

import coverage
import pytest
from benchmarks.mutations import Mutant, mutants, mutated

ROOT: Final = Path(__file__).parent.parent
FILES: Final = (
    "plan", "execute", "model/lock.py", "host/lock.py", "host/lock_file.py", "host/heartbeat.py", "aws/leased.py",
    "aws/lock_stores.py", "app/locks.py",
)  # fmt: skip
# What takes longest, and says again in whole stories what the other tests say, is left out.
TESTS: Final = (
    "tests/plan", "tests/execute", "--ignore=tests/execute/test_crash_points.py", "tests/model", "tests/host",
    "--ignore=tests/host/test_lock_races.py", "tests/aws/test_leased.py", "tests/aws/test_lock_stores.py",
    "tests/app/test_facade.py", "tests/app/test_locks.py", "tests/sim/test_safeguards.py",
)  # fmt: skip
_EQUIVALENT: Final = Path(__file__).with_name("mutants_equivalent.toml")
_POLL_S: Final = 0.02
_DEADLINE_S, _DEADLINE_TIMES = 30.0, 8.0  # a mutant may take so long, and so many times what its tests take
_NOTICED: Final = ("killed", "deadline")
_CACHE: Final = type(lru_cache(len))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A mutant of a file; `nth` is its place there, None that of the control."""

    path: str
    nth: int | None
    mutant: Mutant


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A mutant, and what came of it: killed, deadline, survived, not reached; or it could not be made."""

    path: str
    mutant: str
    line: int
    end: str


@dataclass(slots=True)
class Reach:
    """How long each test takes (for ever, if it fails); by file and line the places in that list of who reach it."""

    took_s: dict[str, float] = field(default_factory=dict[str, float])
    by_line: dict[str, dict[str, list[int]]] = field(default_factory=dict[str, dict[str, list[int]]])

    def of(
        self, case: Case, known: Container[str], longest_s: float, budget_s: float, first: Sequence[str] = ()
    ) -> list[str]:
        """Return the tests that reach a mutant, as many as are done within the budget.

        In the order of `first`, then the shortest first.
        """
        lines, tests = self.by_line.get(case.path, {}), list(self.took_s)
        top, bottom = (0, sys.maxsize) if case.mutant.constant else case.mutant.lines
        reached = {tests[nth] for line, places in lines.items() if top <= int(line) <= bottom for nth in places}
        fit = [test for test in reached if test in known and self.took_s[test] <= longest_s]
        rank = {test: nth for nth, test in enumerate(first)}
        fit.sort(key=lambda test: (rank.get(test, len(rank)), self.took_s[test], test))
        total_s = list(accumulate(self.took_s[test] for test in fit))
        return [test for nth, test in enumerate(fit) if nth == 0 or total_s[nth] <= budget_s]

    def add(self, items: Sequence[pytest.Item]) -> None:
        """Run tests once, and note which lines each reaches."""
        measure = coverage.Coverage(
            data_file=None, config_file=False, include=[str(ROOT / path) for path in _files(())]
        )
        measure.start()
        caches = [one for one in gc.get_objects() if isinstance(one, _CACHE) and one.__module__.startswith("teal.")]
        for item, after in zip(items, [*items[1:], None], strict=True):
            for cache in caches:  # else only the first test to ask would reach what is cached
                cache.cache_clear()
            measure.switch_context(item.nodeid)
            failed, began_s = item.session.testsfailed, monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            fails = item.session.testsfailed != failed
            self.took_s[item.nodeid] = float("inf") if fails else round(monotonic() - began_s, 3)
        measure.stop()
        data, places = measure.get_data(), {test: nth for nth, test in enumerate(self.took_s)}
        for file in data.measured_files():
            lines = self.by_line.setdefault(Path(file).relative_to(ROOT).as_posix(), {})
            for line, tests in data.contexts_by_lineno(file).items():
                lines.setdefault(str(line), []).extend(places[test] for test in tests if test)


class Player:
    """Plays mutants in the place of the tests that pytest has collected."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self._asked = asked
        self.played: list[Played] = []
        self._noticing: dict[tuple[str, str], list[str]] = {}  # by file and function: who noticed most lately first

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Play."""
        items = {item.nodeid: item for item in session.items}
        reach = self._reach(session)
        before = {(played.path, played.mutant): played for played in _read(self._asked.kept)}
        cases = list(_cases(self._asked))
        if self._asked.again:
            cases = [case for case in cases if (case.path, case.mutant.name) in before]
            before = {key: played for key, played in before.items() if played.end in _NOTICED}
        self.played += [before[key] for case in cases if (key := (case.path, case.mutant.name)) in before]
        left = [case for case in cases if (case.path, case.mutant.name) not in before]
        last_s = monotonic() + self._asked.minutes * 60 if self._asked.minutes else float("inf")
        running: dict[int, tuple[Case, float, int]] = {}  # with when it must end, and where it says who noticed
        for case in left:
            place = (case.path, case.mutant.where)
            tests = reach.of(case, items, self._asked.longest, self._asked.budget, self._noticing.get(place, ()))
            if not tests:
                self._hear(case, "not reached")
                continue
            while len(running) >= self._asked.jobs:
                self._wait(running)
            if monotonic() > last_s:
                break
            allowed_s = _DEADLINE_S + _DEADLINE_TIMES * sum(reach.took_s[test] for test in tests)
            pid, said = _fork(case, session, [items[test] for test in tests])
            running[pid] = (case, monotonic() + allowed_s, said)
        while running:
            self._wait(running)
        return True

    def _reach(self, session: pytest.Session) -> Reach:
        """Return which tests reach which lines: as it was measured. New tests are, in a process of their own."""
        file: Path = self._asked.reach
        reach = Reach(**json.loads(file.read_text("utf-8"))) if file.exists() else Reach()
        new = [item for item in session.items if item.nodeid not in reach.took_s]
        if new:
            pid = os.fork()
            if pid == 0:
                _silently(session)
                reach.add(new)
                file.write_text(json.dumps(asdict(reach)), "utf-8")
                os._exit(0)
            os.waitpid(pid, 0)
            reach = Reach(**json.loads(file.read_text("utf-8")))
        return reach

    def _wait(self, running: dict[int, tuple[Case, float, int]]) -> None:
        """Wait until one of the processes has ended, or must."""
        while True:
            for pid, (case, until_s, said) in running.items():
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended or monotonic() > until_s:
                    _end(pid, reaped=bool(ended))
                    end = _ENDS.get(os.waitstatus_to_exitcode(status), "killed") if ended else "deadline"
                    self._hear(case, end)
                    self._remember(case, said)
                    del running[pid]
                    return
            sleep(_POLL_S)

    def _remember(self, case: Case, said: int) -> None:
        """Note which test noticed a mutant, where one said so."""
        os.set_blocking(said, False)  # whom its tests left running may hold the other end
        with suppress(BlockingIOError):
            noticed = os.read(said, 4096).decode()
            before = self._noticing.setdefault((case.path, case.mutant.where), [])
            before[:] = [noticed, *(test for test in before if test != noticed)] if noticed else before
        os.close(said)

    def _hear(self, case: Case, end: str) -> None:
        played = Played(path=case.path, mutant=case.mutant.name, line=case.mutant.lines[0], end=end)
        self.played.append(played)
        if self._asked.kept is not None:
            with self._asked.kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(played), ensure_ascii=False) + "\n")
        if end not in _NOTICED:
            print(f"{len(self.played)}: {end}: {case.path}:{played.line}: {played.mutant}", file=sys.stderr, flush=True)


_ENDS: Final = {0: "survived", 1: "killed", 3: "not made"}


def _fork(case: Case, session: pytest.Session, items: Sequence[pytest.Item]) -> tuple[int, int]:
    """Start a process that does the wrong and runs the tests; return its id, and where it says which test noticed."""
    said, say = os.pipe()
    pid = os.fork()
    if pid:
        os.close(say)
        return pid, said
    os.setpgid(0, 0)
    _silently(session)
    failed = 3
    try:
        if case.nth is not None:
            _do(case, case.nth)  # whatever it raises, it could not be made
        failed = 1
        noticed = _noticed(session, items)
        os.write(say, noticed.encode())
        failed = int(bool(noticed))
    finally:
        os._exit(failed)


def _do(case: Case, nth: int) -> None:
    """Change the function, wherever it was imported to, or the constant, wherever it is known by its name.

    Raises:
        LookupError: there is no such function; a constant of a module nobody imported.
    """
    file = str(ROOT / case.path)
    tree = mutated((ROOT / case.path).read_text("utf-8"), nth)
    if case.mutant.constant:
        _do_to_constant(case.mutant.where, file, tree)
        return
    wanted = next(code for code in _codes(compile(tree, file, "exec")) if _holds(code, case.mutant))
    same = [
        found
        for found in gc.get_objects()
        if isinstance(found, FunctionType) and _key(found.__code__) == _key(wanted)
    ]  # fmt: skip
    if not same:
        raise LookupError(case.mutant.where)
    for function in same:
        function.__code__ = wanted


def _do_to_constant(name: str, file: str, tree: ast.Module) -> None:
    modules = list(sys.modules.values())
    home = next(module for module in modules if getattr(module, "__file__", None) == file)
    was, space = getattr(home, name), dict(vars(home))
    statement = next(node for node in tree.body if name in _assigned(node))
    exec(compile(ast.Module([statement], []), file, "exec"), space)  # noqa: S102 - this is what a mutant is
    for module in modules:
        if vars(module).get(name) is was:
            setattr(module, name, space[name])


def _assigned(node: object) -> set[str]:
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    return {getattr(target, "id", "") for target in targets}


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)


def _holds(code: CodeType, mutant: Mutant) -> bool:
    """Say whether it is the function that the mutant is in; several may have one name, as with overloads."""
    last = max((line for _, _, line in code.co_lines() if line is not None), default=0)
    return code.co_qualname == mutant.where and code.co_firstlineno <= mutant.lines[0] <= max(last, mutant.lines[0])


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _noticed(session: pytest.Session, items: Sequence[pytest.Item]) -> str:
    """Run tests until one fails; return it, or nothing."""
    for item, after in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            session._setupstate.teardown_exact(None)  # noqa: SLF001 - the servers of its fixtures end with it
            return item.nodeid
    return ""


def _silently(session: pytest.Session) -> None:
    """Say nothing, and die of a signal as anybody does."""
    session.config.pluginmanager.unregister(name="terminalreporter")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(pid: int, *, reaped: bool) -> None:
    """End what a mutant's tests have left running, and the process itself."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if not reaped:
        os.waitpid(pid, 0)


def _files(wanted: Sequence[str]) -> list[str]:
    """Return the files, relative to the root, in their order; of these the ones that are wanted, or all."""
    found: list[str] = []
    for name in FILES:
        place = ROOT / "src" / "teal" / name
        found += [
            path.relative_to(ROOT).as_posix() for path in (sorted(place.glob("*.py")) if place.is_dir() else [place])
        ]
    return [path for path in found if not wanted or any(path.endswith(f"/{name}") for name in wanted)]


def _cases(asked: argparse.Namespace) -> Iterator[Case]:
    """Yield the mutants that are asked for, less those that are known to be equivalent, and a control for each file."""
    drawn = [
        Case(path=path, nth=nth, mutant=mutant)
        for path in _files(asked.files)
        for nth, mutant in enumerate(mutants((ROOT / path).read_text("utf-8")))
    ]
    if asked.sample:
        draw = Random(asked.seed)  # noqa: S311 - a draw, not a secret
        drawn = draw.sample(drawn, min(asked.sample, len(drawn)))
    else:
        for path in dict.fromkeys(case.path for case in drawn):
            control = Mutant(name="control", where="", constant=True, lines=(0, 0))
            yield Case(path=path, nth=None, mutant=control)
    equivalent = _equivalent()
    yield from (case for case in drawn if case.mutant.name not in equivalent.get(case.path, {}))


def _equivalent() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(_EQUIVALENT.read_text("utf-8")) if _EQUIVALENT.exists() else {}


def _read(kept: Path | None) -> list[Played]:
    lines = kept.read_text("utf-8").splitlines() if kept is not None and kept.exists() else []
    return [Played(**json.loads(line)) for line in lines]


def _report(played: Sequence[Played]) -> int:
    """Print the score, for each file and in all; return 1 where a control failed."""
    wrongs = sorted(
        (one for one in played if one.mutant != "control" and one.end != "not made"), key=lambda one: one.path
    )
    for path, group in groupby(wrongs, key=lambda one: one.path):
        print(f"{path}: {_score(list(group))}")
    print(f"in all: {_score(wrongs)}")
    failed = [one.path for one in played if one.mutant == "control" and one.end != "survived"]
    print(f"controls that failed: {failed or 'none'}")
    return bool(failed)


def _score(played: Sequence[Played]) -> str:
    ends = Counter(one.end for one in played)
    noticed = sum(ends[end] for end in _NOTICED)
    return f"{noticed} of {len(played)} noticed ({100 * noticed / max(len(played), 1):.1f} %), {dict(ends)}"


def main() -> int:
    """Parse the command line, play, print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="the ends of paths, such as plan/lease.py; none means all")
    parser.add_argument("--sample", type=int, default=0, help="play so many mutants, drawn from the seed; 0 plays all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kept", type=Path, help="a file of what was played; mutants in it are not played again")
    parser.add_argument("--again", action="store_true", help="of what was kept, play again what was not noticed")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no mutant after so long; 0 means never")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of tests for one mutant")
    parser.add_argument("--longest", type=float, default=3.0, help="leave out tests that take longer, in seconds")
    parser.add_argument(
        "--reach", type=Path, default=ROOT / ".coverage.reach", help="what reaches what; remove it when code has moved"
    )
    asked = parser.parse_args()
    player = Player(asked)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
        code = pytest.main(["-q", "-m", "not lab", "--hypothesis-profile=ci", *TESTS], plugins=[player])
    return int(code) if code not in (0, 5) else _report(player.played)


if __name__ == "__main__":
    sys.exit(main())
