"""One running Envoy: started in its own process group, asked through its admin port, ended by SIGKILL if need be."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic

from teal.errors import LabError
from teal.lab.proxy.admin import Admin
from teal.lab.proxy.bootstrap import bootstrap

_READY_S = 20.0
_STOP_S = 3.0
_LOOK_S = 0.01
_SHOWN_CHARACTERS = 400


class EnvoyProcess:
    """The Envoy of one node, with its files in `directory`."""

    def __init__(self, number: int, directory: Path, envoy: Path, on_start: Callable[[int], None]) -> None:
        self._number = number
        self._directory = directory
        self._envoy = envoy
        self._on_start = on_start
        self._process: subprocess.Popen[bytes] | None = None
        self._read_bytes = 0
        self.admin: Admin | None = None

    @property
    def pid(self) -> int | None:
        """The process id, which is the id of its process group too."""
        return self._process.pid if self._process is not None else None

    def alive(self) -> bool:
        """Say whether Envoy runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start Envoy without waiting for it."""
        (self._directory / "bootstrap.json").write_text(json.dumps(bootstrap(self._number, self._directory)))
        self._address_file.unlink(missing_ok=True)
        self._close_admin()
        with self._log_file.open("ab") as log:
            # The program is the one the user has installed, and every argument is ours.
            self._process = subprocess.Popen(  # noqa: S603 - see above
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._on_start(self._process.pid)

    def _command(self) -> list[str]:
        return [
            str(self._envoy),
            *("--config-path", str(self._directory / "bootstrap.json")),
            *("--admin-address-path", str(self._address_file)),
            *("--concurrency", "1"),
            *("--log-level", "warning"),
            "--disable-hot-restart",
        ]

    @property
    def _address_file(self) -> Path:
        return self._directory / "admin"

    @property
    def _log_file(self) -> Path:
        return self._directory / "envoy.log"

    def wait_ready(self) -> None:
        """Return when Envoy has read its files; LabError when it ends or takes too long."""
        deadline_s = monotonic() + _READY_S
        pause = Event()
        while not self.answers():
            if not self.alive():
                raise LabError(f"Envoy ended at its start: {self._last_words()}")
            if monotonic() > deadline_s:
                raise LabError(f"Envoy was not ready within {_READY_S:g} s: {self._last_words()}")
            pause.wait(_LOOK_S)

    def answers(self) -> bool:
        """Say whether Envoy is ready, and open the way to its admin port when it has one."""
        if self.admin is None:
            host, _, port = self._address().rpartition(":")
            if not port:
                return False
            self.admin = Admin(host, int(port))
        return self.admin.ready()

    def _address(self) -> str:
        return self._address_file.read_text().strip() if self._address_file.exists() else ""

    def _last_words(self) -> str:
        return self._log_file.read_text(errors="replace")[-_SHOWN_CHARACTERS:].strip() or "it said nothing"

    def complaints(self) -> list[str]:
        """Return the lines that Envoy has logged since the last call: warnings and errors."""
        if not self._log_file.exists() or self._log_file.stat().st_size == self._read_bytes:
            return []
        with self._log_file.open("rb") as log:
            log.seek(self._read_bytes)
            text = log.read()
        self._read_bytes += len(text)
        return text.decode(errors="replace").splitlines()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group."""
        if self._process is not None and self.alive():
            os.killpg(self._process.pid, number)

    def wait(self) -> None:
        """Wait for the end; after `_STOP_S` seconds force it."""
        if self._process is None:
            return
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._process.wait(_STOP_S)
        self._close_admin()

    def _close_admin(self) -> None:
        if self.admin is not None:
            self.admin.close()
            self.admin = None
