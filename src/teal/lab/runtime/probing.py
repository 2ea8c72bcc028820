"""The health check of one container: a process now and then, in the container's environment, one at a time.

Its exit code is the answer, 0 for a yes. One that takes longer than its timeout is killed, which is a no; so is a
program that is not there. What it writes is not kept.
"""

import signal
from collections.abc import Callable, Sequence

from teal.lab.runtime.images import CannotStartError
from teal.lab.runtime.process import KILL_WAIT_S, Process
from teal.lab.world.wires import Probe


class Prober:
    """The probes of one container.

    Args:
        probe: the command, how often, and how long it may take.
        start: starts a command beside the container, or raises CannotStartError.
        now_s: when the container started; the first probe comes an interval later.
    """

    def __init__(self, probe: Probe, start: Callable[[Sequence[str]], Process], now_s: float) -> None:
        self._probe = probe
        self._start = start
        self._process: Process | None = None
        self._due_s = now_s + probe.interval_s  # of the next probe, or of the end of this one
        self._late = False

    def look(self, now_s: float) -> bool | None:
        """Start a probe when it is time, end one that takes too long; return the answer of one that has just ended."""
        if self._process is None:
            return None if now_s < self._due_s else self._begin(now_s)
        self._process.read()  # nobody wants it, yet a full pipe would stop the probe
        if self._process.ended():
            passed = self._process.exit_code == 0 and not self._late
            self._process.close()
            self._process, self._due_s = None, now_s + self._probe.interval_s
            return passed
        if now_s >= self._due_s and not self._late:
            self._late = True
            self._process.signal(signal.SIGKILL)
        return None

    def _begin(self, now_s: float) -> bool | None:
        try:
            self._process = self._start(self._probe.command)
        except CannotStartError:
            self._due_s = now_s + self._probe.interval_s
            return False
        self._due_s, self._late = now_s + self._probe.timeout_s, False
        return None

    def stop(self) -> None:
        """End a probe that runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.signal(signal.SIGKILL)
        process.wait(KILL_WAIT_S)
        process.ended()
        process.close()
