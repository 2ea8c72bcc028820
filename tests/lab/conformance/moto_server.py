"""moto as a server on loopback: says its port, and ends when its input does."""

import sys

from moto.server import ThreadedMotoServer


def main() -> None:
    """Serve until the end of the input."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
