"""Time, sleep, and the wish to stop.

The only place that asks the system for the time, that sleeps, and that handles signals. The first SIGINT or SIGTERM is
a wish: whoever sleeps wakes up, and the run comes to its next safe point by itself. The second ends the process at
once.

A signal handler may interrupt any line of Python, one that holds a lock too. So it takes none: it writes a byte into a
pipe, and sleeping is waiting for that byte.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType

# What `signal` gives back for a handler; None stands for one that was not set from Python.
_Handler = Callable[[int, FrameType | None], object] | int | None

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SIGNAL_EXIT = 128
_LAST_NAP_S = 0.2
_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The clock of this computer, with a way to be told to stop. Close it to give its pipe and handlers back.

    It is read once, and counted on from there: whoever sets the computer's clock meanwhile shortens no hold and
    lengthens no wait.

    Args:
        wall: returns unix seconds, as this computer has them.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:  # noqa: TID251 - the one place
        self._began_s = wall() - self.elapsed_s()
        self._stop: int | None = None
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._before: dict[int, _Handler] = {}

    def now_s(self) -> float:
        """Return unix seconds."""
        return self._began_s + self.elapsed_s()

    def elapsed_s(self) -> float:
        """Return seconds since some instant, those in which the computer slept included.

        Linux stops its monotonic clock while the computer sleeps and has another one that goes on; that of macOS goes
        on by itself.
        """
        return time.clock_gettime(_SLEEPLESS)

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until somebody asks to stop.

        What is still done after that, like a last write that must be tried again, may nap for 0.2 s at most: a loop
        that waits between attempts keeps its pace and does not spin.
        """
        if seconds <= 0.0:
            return
        if self._stop is None:
            select.select([self._wakes], [], [], seconds)
        else:
            time.sleep(min(seconds, _LAST_NAP_S))  # noqa: TID251 - the one place

    def stop_signal(self) -> int | None:
        """Return the signal that asks this run to stop, or None."""
        return self._stop

    def ask_to_stop(self, signal_number: int) -> None:
        """Ask the run to stop as this signal would; asked twice, end the process at once."""
        if self._stop is not None:
            os._exit(_SIGNAL_EXIT + signal_number)
        self._stop = signal_number
        os.write(self._wake, b"!")

    def install(self) -> None:
        """Take SIGINT and SIGTERM as the wish to stop. Only the main thread may call this."""
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)

    def close(self) -> None:
        """Put the handlers back as they were and close the pipe."""
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        self._before.clear()
        os.close(self._wakes)
        os.close(self._wake)

    def _handle(self, signal_number: int, _frame: FrameType | None) -> None:
        self.ask_to_stop(signal_number)
