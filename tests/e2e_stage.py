"""A rehearsal to test on: a lab, the shop, steady traffic, and runs that can be killed at any event."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from teal.app.facade import App, Options, open_app
from teal.app.rehearsal import Rehearsal, rehearsal
from teal.app.traffic import Traffic
from teal.host.clock import SystemClock
from teal.model.event import Event, RunEnded
from teal.model.run import Intent

TIME_SCALE = 0.02


@dataclass(slots=True)
class Play:
    """A lab with the shop, and commands on it."""

    stage: Rehearsal
    clock: SystemClock = field(default_factory=SystemClock)

    def app(self, **variables: str) -> App:
        """Open the app anew, as a new process would."""
        options = Options(config=self.stage.directory / "teal.yaml", endpoint_url=self.stage.endpoint_url)
        return open_app(options, {**self.stage.environ, **variables}, self.clock)

    def run(self, intent: Intent, **variables: str) -> RunEnded:
        """Run a command to its end."""
        last = list(self._events(intent, variables))[-1]
        assert isinstance(last, RunEnded)
        return last

    def kill(self, intent: Intent, at: Callable[[Event], bool], **variables: str) -> None:
        """Run a command until an event, then let it vanish as a killed process does."""
        for event in self._events(intent, variables):
            assert not isinstance(event, RunEnded), f"it ended before it was killed: {event.message}"
            if at(event):
                return
        raise AssertionError("it never came to where it should be killed")

    def _events(self, intent: Intent, variables: dict[str, str]) -> Generator[Event]:
        yield from self.app(**variables).run(
            intent, command=type(intent).__name__.lower(), approve=lambda _plan, _seen: True
        )


def start(play: Play, *words: str, colour: str) -> "subprocess.Popen[str]":
    """Start `teal` with these words as a process of its own; `colour` is that of the content it would deploy."""
    return subprocess.Popen(
        [sys.executable, "-m", "teal", *words],
        cwd=play.stage.directory,
        env={**play.stage.environ, "COLOUR": colour},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: "subprocess.Popen[str]", words: str) -> None:
    """Read what the process says until it says `words`. A step that begins is told as `] ` and its sentence."""
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}: {''.join(said)}")


@contextmanager
def played(directory: Path, yaml: str = "") -> Generator[Play]:
    """Start a lab; `yaml` takes the place of the shop's own configuration."""
    if yaml:
        (directory / "teal.yaml").write_text(yaml, "utf-8")
    name = f"e2e-{os.getpid()}-{abs(hash(str(directory))) % 10_000}"
    with rehearsal(directory, os.environ, name=name, time_scale=TIME_SCALE) as stage:
        credentials = {key: os.environ.get(key) for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        os.environ.update({key: stage.environ[key] for key in credentials})  # botocore reads them from this process
        play = Play(stage=stage)
        try:
            yield play
        finally:
            play.clock.close()
            for key, value in credentials.items():
                os.environ.pop(key, None) if value is None else os.environ.update({key: value})


@contextmanager
def traffic(play: Play, rate_per_s: int = 200) -> Generator[Traffic]:
    """Keep requests coming meanwhile; afterwards all of them must have been answered properly."""
    steady = Traffic(play.stage.url, rate_per_s=rate_per_s, duration_s=300, slow_per_s=1.0)
    try:
        for _ in range(100):
            if steady.counted:
                break
            play.clock.sleep(0.1)
        yield steady
        counted = steady.stop()
    finally:
        steady.kill()
    assert counted["sent"] > rate_per_s
    assert counted["failed"] == 0, counted
