"""A stand-in for AWS that was not written here: moto in a process of its own, on loopback.

As a script it prints the URL at which it serves, and ends when its input does, hence with whoever started it.
"""

import logging
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from select import select
from threading import Lock, Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

DEADLINE_S = 60.0


class OneAtATime(DomainDispatcherApplication):
    """Moto's application, request by request.

    Moto looks at a condition and then writes, and its server has a thread for each request: of two writers at once both
    may pass. AWS does both in one.
    """

    turn = Lock()

    def __call__(self, environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - as WSGI has it
        """Answer one request."""
        with self.turn:
            return super().__call__(environ, start_response)


def main() -> None:
    """Serve until the end of the input."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, OneAtATime(create_backend_app), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


@contextmanager
def moto() -> Generator[str]:
    """Start moto in a process of its own, which ends when its input does; yield its URL."""
    pipe = subprocess.PIPE
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            ready, _, _ = select([server.stdout], [], [], DEADLINE_S)
            assert ready, f"moto did not start within {DEADLINE_S} s"
            yield server.stdout.readline().strip()
        finally:
            _end(server)


def _end(server: subprocess.Popen[str]) -> None:
    """Close the input of the server, at which it ends; kill it when it does not."""
    try:
        server.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    main()
