"""A stand-in for AWS that was not written here: moto in a process of its own, on loopback.

As a script it prints the URL at which it serves, and ends when its input does, hence with whoever started it.
"""

import logging
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

END_DEADLINE_S = 20.0


def main() -> None:
    """Serve until the end of the input."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - whoever only starts this script does not need it

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


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
