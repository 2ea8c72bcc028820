"""A journal's store in memory, and a run to tell of."""

from dataclasses import dataclass, field
from threading import Event as Signal

from teal.errors import TransientError
from teal.model.event import RunEnded, RunStarted

SOON_S = 60.0  # a wait for a thread; it ends when the thread does


def started(run_id: str, at_s: float = 1.0) -> RunStarted:
    """Return a run's first event."""
    return RunStarted(
        at_s=at_s, command="deploy", app="shop", account="1", region="eu-west-1", caller="arn:x", run_id=run_id
    )


def ended(at_s: float = 9.0) -> RunEnded:
    """Return a run's last event."""
    return RunEnded(at_s=at_s, exit_code=0, message="done", serving="a", seen="held", hint="", took_s=1.0)


@dataclass(slots=True)
class MemoryJournalStore:
    """Runs by id. `down` lets every call fail; `open` closed lets every put hang."""

    runs: dict[str, str] = field(default_factory=dict[str, str])
    puts: int = 0
    down: bool = False
    open: Signal = field(default_factory=Signal)
    was_put: Signal = field(default_factory=Signal)
    has_failed: Signal = field(default_factory=Signal)

    def __post_init__(self) -> None:
        self.open.set()

    def put(self, started: RunStarted, lines: str) -> None:
        """Keep what a run told."""
        self.puts += 1
        self.open.wait(SOON_S)
        self._fail()
        self.runs[started.run_id] = lines
        self.was_put.set()

    def newest(self, runs: int) -> tuple[bytes, ...]:
        """Return what was kept last."""
        self._fail()
        return tuple(lines.encode() for lines in list(self.runs.values())[-runs:])

    def _fail(self) -> None:
        if self.down:
            self.has_failed.set()
            raise TransientError("nobody answers", code="ConnectTimeout", operation="s3:any")
