"""A stand-in for AWS that was not written here: moto in a process of its own, on loopback.

As a script it prints the URL at which it serves, and ends when its input does, hence with whoever started it.
"""

import logging
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

END_DEADLINE_S = 20.0


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
    """Start moto; yield its URL; end it."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "moto did not start"
        yield url
        process.stdin.close()
        try:
            process.wait(END_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    main()
