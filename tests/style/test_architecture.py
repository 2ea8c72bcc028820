"""The house stands: floors, purity and the size of what teal brings along."""

import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from style.house import ROOT

_TIMEOUT_S = 60
_CORE_DISTRIBUTIONS = 8


def test_floors_hold() -> None:
    """Every import contract of pyproject.toml is kept."""
    tool, contracts = Path(sys.executable).with_name("lint-imports"), ROOT / "pyproject.toml"
    command = [str(tool), "--no-cache", "--config", str(contracts)]
    answer = subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_core_is_small() -> None:
    """Without extras teal brings at most eight other distributions along."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found, wanted = set[str](), list[str](project["dependencies"])
    while wanted:
        requirement = Requirement(wanted.pop())
        name = canonicalize_name(requirement.name)
        here = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if here and name not in found:
            found.add(name)
            wanted += requires(name) or []
    assert len(found) <= _CORE_DISTRIBUTIONS, sorted(found)
