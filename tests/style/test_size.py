"""The size budget: what fits on a screen can be read.

A function or file beyond its budget is either divided or named below with its reason; beyond the hard limit it is
divided.
"""

import re
import sys
from statistics import median, quantiles

import pytest

from style.house import ROOT, Function, functions, modules

FUNCTION_LINES, FUNCTION_LINES_HARD = 50, 70
FILE_LINES, FILE_LINES_HARD = 400, 500
PARAMETERS, PARAMETERS_HARD = 6, 8

# `path::Class.function` and the reason why it is longer than FUNCTION_LINES.
LONG_FUNCTIONS: dict[str, str] = {}
# `path` and the reason why it is longer than FILE_LINES.
LONG_FILES: dict[str, str] = {}


def _sizes() -> dict[str, int]:
    return {path.as_posix(): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules()}


def _excused(function: Function) -> bool:
    """Say whether the function states on its first line why it takes more parameters than it should."""
    path = ROOT / function.where.partition("::")[0]
    line = path.read_text(encoding="utf-8").splitlines()[function.node.lineno - 1]
    return bool(re.search(r"# noqa: PLR0913 - \w", line))


def test_functions_fit_on_a_screen() -> None:
    """No function is longer than 50 lines, docstring included; those with a stated reason no longer than 70."""
    long = {f.where: f.lines for f in functions() if f.lines > FUNCTION_LINES}
    allowed = {where for where, lines in long.items() if where in LONG_FUNCTIONS and lines <= FUNCTION_LINES_HARD}
    assert {where: lines for where, lines in long.items() if where not in allowed} == {}


def test_files_can_be_read_in_one_go() -> None:
    """No file is longer than 400 lines; those with a stated reason no longer than 500."""
    long = {path: lines for path, lines in _sizes().items() if lines > FILE_LINES}
    allowed = {path for path, lines in long.items() if path in LONG_FILES and lines <= FILE_LINES_HARD}
    assert {path: lines for path, lines in long.items() if path not in allowed} == {}


def test_exceptions_are_needed() -> None:
    """Whatever is excused from the budget still exceeds it, so that the lists only ever hold what they must."""
    long = {f.where for f in functions() if f.lines > FUNCTION_LINES}
    long_files = {path for path, lines in _sizes().items() if lines > FILE_LINES}
    assert set(LONG_FUNCTIONS) <= long
    assert set(LONG_FILES) <= long_files


def test_parameters_can_be_kept_in_mind() -> None:
    """No function takes more than six parameters; one that states its reason beside its name, no more than eight."""
    many = {
        f.where: f.parameters for f in functions() if f.parameters > (PARAMETERS_HARD if _excused(f) else PARAMETERS)
    }
    assert many == {}


def test_typical_function_is_small(capsys: pytest.CaptureFixture[str]) -> None:
    """Ninety per cent of the functions of the source are at most 30 lines long; the figures are printed."""
    lines = [f.lines for f in functions() if f.where.startswith("src/")]
    ninth = quantiles(lines, n=10)[-1]
    with capsys.disabled():
        sys.stdout.write(f"\n{len(lines)} functions in src: median {median(lines):g} lines, p90 {ninth:g}\n")
    assert ninth <= 30
