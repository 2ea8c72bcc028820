"""Commands of the user's, with real processes."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from teal.host.clock import SystemClock
from teal.host.shell import ProcessShell
from teal.ports import CommandResult

PATH = {"PATH": os.environ.get("PATH", os.defpath)}  # noqa: TID251 - a test's commands need a PATH


@pytest.fixture
def clock() -> Iterator[SystemClock]:
    """Give a clock, and close it."""
    made = SystemClock()
    yield made
    made.close()


@pytest.fixture
def shell(tmp_path: Path, clock: SystemClock) -> ProcessShell:
    """Give a shell that runs in an empty directory."""
    return ProcessShell(tmp_path, PATH, clock)


ENDS: dict[str, tuple[str, CommandResult]] = {
    "well": ("echo fine", CommandResult(exit_code=0, output="fine\n")),
    "wait": ("exit 75", CommandResult(exit_code=75, output="")),
    "badly": ("echo oh >&2; exit 3", CommandResult(exit_code=3, output="oh\n")),
    "by a signal": ("kill -9 $$", CommandResult(exit_code=137, output="")),
    "with its own variables": ("echo $TEAL_URL", CommandResult(exit_code=0, output="http://x\n")),
    "without input": ("cat; echo done", CommandResult(exit_code=0, output="done\n")),
    "no such command": ("exec ./nothing-here 2>/dev/null", CommandResult(exit_code=127, output="")),
    "bytes that are no text": ("printf 'a\\377b'", CommandResult(exit_code=0, output="a\ufffdb")),
}


@pytest.mark.parametrize(("command", "wanted"), ENDS.values(), ids=ENDS)
def test_command_ends(shell: ProcessShell, command: str, wanted: CommandResult) -> None:
    """Exit code and output of stdout and stderr are told."""
    assert shell.run(command, {"TEAL_URL": "http://x"}, 10) == wanted


def test_command_runs_in_its_directory(shell: ProcessShell, tmp_path: Path) -> None:
    """Commands run where the configuration is."""
    assert shell.run("pwd -P", {}, 10).output.strip() == str(tmp_path.resolve())


def test_time_is_up(shell: ProcessShell, clock: SystemClock) -> None:
    """A command that takes too long is ended, and what it said until then is told."""
    before_s = clock.now_s()
    assert shell.run("echo began; sleep 60", {}, 0.3) == CommandResult(exit_code=None, output="began\n")
    assert clock.now_s() - before_s < 4


def test_everything_it_started_ends(shell: ProcessShell, tmp_path: Path, clock: SystemClock) -> None:
    """Children of the command end with it, also those that do not listen to SIGTERM."""
    stubborn = "trap '' TERM; while :; do touch alive; sleep 0.05; done"
    shell.run(f'sh -c "{stubborn}" & sh -c "{stubborn}" & wait', {}, 0.5)
    (tmp_path / "alive").unlink()
    clock.sleep(0.4)
    assert not (tmp_path / "alive").exists()


def test_background_processes_do_not_outlive_a_good_end(
    shell: ProcessShell, tmp_path: Path, clock: SystemClock
) -> None:
    """What runs on after the command has ended is ended too, and is not waited for."""
    before_s = clock.now_s()
    assert shell.run("(sleep 1.2; touch late) & echo fine", {}, 30) == CommandResult(exit_code=0, output="fine\n")
    assert clock.now_s() - before_s < 1
    clock.sleep(1.0)
    assert not (tmp_path / "late").exists()


def test_output_is_bounded(shell: ProcessShell) -> None:
    """Megabytes of output neither block the command nor are kept: the last 4,000 characters are."""
    result = shell.run("yes 0123456789 | head -c 20000000; printf END", {}, 20)
    assert result.exit_code == 0
    assert len(result.output) == 4000
    assert result.output.endswith("END")


def test_stopping_teal_ends_the_command(shell: ProcessShell, clock: SystemClock) -> None:
    """A command does not keep teal from stopping."""
    before_s = clock.now_s()
    Timer(0.1, clock.ask_to_stop, (15,)).start()
    assert shell.run("sleep 60", {}, 60).exit_code is None
    assert clock.now_s() - before_s < 4


def test_directory_that_is_gone(tmp_path: Path, clock: SystemClock) -> None:
    """A command that cannot be started is told as shells tell it."""
    result = ProcessShell(tmp_path / "gone", PATH, clock).run("true", {}, 5)
    assert result.exit_code == 127
    assert "could not be started" in result.output
