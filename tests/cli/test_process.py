"""The command as a real process: what it loads, what it prints where, how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import teal
from teal.cli.main import ENTRIES

ROOT = Path(teal.__file__).parents[1]
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("TEAL_", "AWS_"))}  # noqa: TID251 - the environment of the processes under test
LOADED = """
import json, sys
before = set(sys.modules)
from click.testing import CliRunner
from teal.cli.main import teal
CliRunner().invoke(teal, sys.argv[1:], prog_name="teal")
own = {name for name in set(sys.modules) - before if name.partition(".")[0] not in sys.stdlib_module_names}
print(json.dumps(sorted(name for name in own if name.partition(".")[0] not in {"click", "__main__"})))
"""


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `python …` without a terminal."""
    return subprocess.run(
        [sys.executable, *words],
        env={**CLEAN, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("frobnicate",)])
def test_the_group_loads_nothing_but_click(words: tuple[str, ...]) -> None:
    """Help, version and a mistyped command import click, the standard library and the table of commands."""
    assert json.loads(run("-c", LOADED, *words).stdout) == ["teal", "teal.cli", "teal.cli.lazy", "teal.cli.main"]


@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in {"schema", "lab", "completion"}])
def test_a_command_speaks_before_anything_heavy_is_loaded(name: str) -> None:
    """Loading a command loads neither the AWS SDK nor YAML, msgspec, the model or the use cases."""
    loaded = json.loads(run("-c", LOADED, name, "--help").stdout)
    tops = {each.partition(".")[0] for each in loaded}
    assert tops == {"teal"}
    assert not [
        each for each in loaded if each.startswith(("teal.app", "teal.aws", "teal.report", "teal.lab", "teal.model"))
    ]


def test_help_is_data_and_a_mistake_is_talk() -> None:
    """`--help` goes to stdout with exit 0; a mistyped command to stderr with exit 2 and a suggestion."""
    asked, mistyped = run("-m", "teal", "--help"), run("-m", "teal", "rolback")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("Usage: teal [OPTIONS] COMMAND")
    assert (mistyped.returncode, mistyped.stdout) == (2, "")
    assert "Did you mean 'rollback'?" in mistyped.stderr


def test_version_is_the_package_version() -> None:
    """`teal --version`."""
    assert run("-m", "teal", "--version").stdout == f"teal {teal.__version__}\n"


@pytest.mark.parametrize("command", ["deploy", "flip"])
def test_nobody_is_asked_without_a_terminal(command: str) -> None:
    """Without a terminal and without `--yes` nothing begins: exit 2 at once, naming the flag."""
    done = run("-m", "teal", command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--yes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_command(shell: str) -> None:
    """Each shell has its script."""
    done = run("-m", "teal", "completion", shell)
    assert done.returncode == 0
    assert "_TEAL_COMPLETE" in done.stdout


def test_completion_knows_commands_and_flags() -> None:
    """What the shell asks for is answered from the table and from the command."""
    words = {"COMP_WORDS": "teal ro", "COMP_CWORD": "1", "_TEAL_COMPLETE": "bash_complete"}
    assert run("-m", "teal", **words).stdout == "plain,rollback\n"
    flags = {"COMP_WORDS": "teal rollback --to", "COMP_CWORD": "2", "_TEAL_COMPLETE": "bash_complete"}
    assert run("-m", "teal", **flags).stdout == "plain,--to-slot\n"


def test_a_closed_pipe_is_no_traceback() -> None:
    """`teal --help | head -1` ends quietly."""
    piped = f"{sys.executable} -m teal --help | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", piped], env={**CLEAN, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr
