"""The cheapest app there is: the same answer to every request, so that a benchmark measures what stands before it.

python plain_app.py HOST PORT
"""

import selectors
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
_MOST_BYTES = 65536


def serve(host: str, port: int) -> None:
    """Answer until the process is ended. A request is taken to arrive in one piece and to have no body."""
    waiting = selectors.DefaultSelector()
    with socket.create_server((host, port), backlog=1024) as server:
        waiting.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is server:
                    waiting.register(server.accept()[0], selectors.EVENT_READ)
                else:
                    _answer(waiting, key.fileobj)


def _answer(waiting: selectors.BaseSelector, connection: object) -> None:
    if not isinstance(connection, socket.socket):
        raise TypeError(connection)
    try:
        if connection.recv(_MOST_BYTES):
            connection.sendall(ANSWER)
            return
    except OSError:
        pass  # the other side has reset it: as good as closed
    waiting.unregister(connection)
    connection.close()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
