"""The tree as the house tests see it: the files that belong to the repository, and their functions.

Git says which files belong, those not yet added included. A tree without git, e.g. an unpacked archive, is walked
instead, and what .gitignore names is left out.
"""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_GIT_TIMEOUT_S = 20
_PYTHON_ROOMS = ("src", "tests", "benchmarks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function and where it stands."""

    where: str  # `src/teal/errors.py::TealError.__init__`
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def lines(self) -> int:
        """Lines from its `def` to its end, docstring included; the table that feeds a test is a decorator."""
        return (self.node.end_lineno or self.node.lineno) - self.node.lineno + 1

    @property
    def parameters(self) -> int:
        """Parameters, without `self` and `cls`, `*args` and `**kwargs`."""
        arguments = self.node.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        return len(names) - (names[:1] in (["self"], ["cls"]))


@cache
def files() -> tuple[Path, ...]:
    """Return all files of the repository, relative to its root."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        answer = subprocess.run(command, capture_output=True, check=True, timeout=_GIT_TIMEOUT_S, text=True)
    except (OSError, subprocess.SubprocessError):
        return tuple(_walk(ROOT, _ignored()))
    listed = (Path(name) for name in sorted(answer.stdout.split("\0")) if name)
    return tuple(path for path in listed if (ROOT / path).is_file())


def _ignored() -> tuple[str, ...]:
    lines = (ROOT / ".gitignore").read_text().split()
    return (".git", *(line.strip("/") for line in lines))


def _walk(folder: Path, ignored: tuple[str, ...]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _walk(path, ignored)
        else:
            yield path.relative_to(ROOT)


@cache
def modules() -> tuple[Path, ...]:
    """Return all Python files of the source, the tests and the benchmarks, relative to the root."""
    return tuple(path for path in files() if path.suffix == ".py" and path.parts[0] in _PYTHON_ROOMS)


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


@cache
def functions() -> tuple[Function, ...]:
    """Return every function of every module, methods and nested functions included."""
    return tuple(found for path in modules() for found in _functions(tree(path), f"{path.as_posix()}::"))


def _functions(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(where=prefix + child.name, node=child)
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


def prose(path: Path) -> str:
    """Return a Markdown page without its fenced code blocks."""
    lines, fenced = list[str](), False
    for line in (ROOT / path).read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            lines.append(line)
    return "\n".join(lines)


def pages() -> tuple[Path, ...]:
    """Return all Markdown pages, relative to the root."""
    return tuple(path for path in files() if path.suffix == ".md")
