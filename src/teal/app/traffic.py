"""Live traffic beside a rehearsal: the load client as a process of its own, and what it has counted so far."""

import json
import subprocess
import sys
from collections.abc import Mapping
from threading import Thread
from typing import IO, Any

from teal.errors import LabError

STOP_TIMEOUT_S = 45.0  # a 5-second request may be in flight, and an unanswered one is given 30 s


class Traffic:
    """Steady requests to a lab.

    Args:
        url: where to; loopback only.
        rate_per_s: requests per second, besides the slow ones.
        duration_s: it ends by itself after so long.
        slow_per_s: requests per second that take 5 s each.
    """

    def __init__(self, url: str, *, rate_per_s: int, duration_s: int, slow_per_s: float) -> None:
        command = [sys.executable, "-m", "teal.lab.load", url, "--rate", str(rate_per_s)]
        command += ["--duration", str(duration_s), "--slow-rate", str(slow_per_s), "--new-connections", "20"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - a module of teal
        self._last: dict[str, Any] = {}
        if self._process.stdout is None:
            raise LabError("the load client has no output")
        self._reader = Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._last = json.loads(line)

    @property
    def counted(self) -> Mapping[str, Any]:
        """What was counted up to a second ago: `sent answered failed slots …`."""
        return self._last

    @property
    def alive(self) -> bool:
        """Whether the client still runs."""
        return self._process.poll() is None

    def slots(self) -> Mapping[str, Mapping[str, Any]]:
        """Return count, first and last answer by revision."""
        slots: Mapping[str, Mapping[str, Any]] = self._last.get("slots", {})
        return slots

    def stop(self) -> Mapping[str, Any]:
        """Let requests in flight finish, and return the final count.

        Raises:
            LabError: the client did not end, or had ended before with no final count.
        """
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as late:
            self._process.kill()
            raise LabError("the load client did not end") from late
        self._reader.join(STOP_TIMEOUT_S)
        if not self._last.get("final"):
            raise LabError(f"the load client ended with {self._process.returncode} and without a final count")
        return self._last

    def kill(self) -> None:
        """End it at once, whatever is in flight."""
        if self.alive:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)
