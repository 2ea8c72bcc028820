"""The wheel is whole, holds nothing else, is the same bytes each time, and runs where it is installed."""

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

import teal

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A virtual environment that holds the wheel, and sees the dependencies of the one that runs the tests."""

    bin: Path

    def run(self, *command: str) -> str:
        """Run a program of the environment somewhere else and return what it says."""
        return _run([str(self.bin / command[0]), *command[1:]], cwd=self.bin.parent)


def _run(command: list[str], cwd: Path = ROOT) -> str:
    answer = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def _build(folder: Path) -> Path:
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)])
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this tree."""
    return _build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return a fresh environment with the wheel in it; no index is asked."""
    home = tmp_path_factory.mktemp("home") / "venv"
    _run([sys.executable, "-m", "venv", "--without-pip", str(home)])
    python = str(home / "bin" / "python")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    _run([sys.executable, "-m", "pip", "--python", python, "install", *quiet, "--no-index", "--no-deps", str(wheel)])
    packages = _run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(bin=home / "bin")


@pytest.mark.parametrize(
    "name",
    [
        "teal/__init__.py",
        "teal/__main__.py",
        "teal/py.typed",
        "teal/config/reference.yaml",
        f"ecs_teal-{teal.__version__}.dist-info/licenses/LICENSE",
        f"ecs_teal-{teal.__version__}.dist-info/entry_points.txt",
    ],
)
def test_wheel_holds(wheel: Path, name: str) -> None:
    """The wheel holds the code, its types, the reference configuration, the licence and the command."""
    assert name in ZipFile(wheel).namelist()


def test_wheel_holds_nothing_else(wheel: Path) -> None:
    """The wheel holds no tests, no caches and nothing outside the package and its metadata."""
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"teal", f"ecs_teal-{teal.__version__}.dist-info"}
    assert [name for name in names if "test_" in name or "__pycache__" in name or name.endswith(".pyc")] == []


def test_wheel_is_pure(wheel: Path) -> None:
    """One wheel serves every platform."""
    assert wheel.name == f"ecs_teal-{teal.__version__}-py3-none-any.whl"


def test_wheel_is_reproducible(tmp_path: Path) -> None:
    """Two builds of one tree are the same bytes."""
    first, second = _build(tmp_path / "one"), _build(tmp_path / "two")
    assert first.read_bytes() == second.read_bytes()


def test_installed_code_is_that_of_the_wheel(installed: Installed) -> None:
    """The environment runs the code from the wheel, not from this tree."""
    said = installed.run("python", "-c", "import teal; print(teal.__file__)").strip()
    assert Path(said).is_relative_to(installed.bin.parent.resolve())


@pytest.mark.parametrize("command", [("teal",), ("python", "-m", "teal")], ids=" ".join)
def test_installed_command_tells_its_version(installed: Installed, command: tuple[str, ...]) -> None:
    """`teal --version` and `python -m teal --version` run from the wheel and tell its version."""
    assert teal.__version__ in installed.run(*command, "--version")


def test_installed_command_helps(installed: Installed) -> None:
    """`teal --help` runs from the wheel and names the commands that every user needs first."""
    said = installed.run("teal", "--help")
    assert [word for word in ("check", "plan", "deploy", "flip", "rollback", "status") if word not in said] == []
