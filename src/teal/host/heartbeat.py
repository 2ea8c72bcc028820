"""The heart of a run: a thread that renews its lease while the run waits."""

from collections.abc import Callable
from threading import Event, Thread


class Heartbeat:
    """A pulse in a thread of its own."""

    def __init__(self) -> None:
        self._over: Event | None = None

    def start(self, beat: Callable[[], None], every_s: float) -> None:
        """Begin; once begun it goes on."""
        if self._over is not None:
            return
        over = self._over = Event()

        def run() -> None:
            while not over.wait(every_s):
                beat()

        Thread(target=run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """End. A beat that waits for the store is left to itself."""
        if self._over is not None:
            self._over.set()
            self._over = None
