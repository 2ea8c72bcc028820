"""What a container writes, cut into lines, and bounded however much it writes."""

from collections import deque

MOST_LINES = 200
MOST_BYTES = 4096


class Output:
    """Lines since the last `take`: the last 200 of them, each cut at 4 kB."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=MOST_LINES)
        self._dropped = 0
        self._tail = b""  # the line that has not ended yet, at most MOST_BYTES and one of it

    def feed(self, chunk: bytes) -> None:
        """Take in what was read."""
        *ended, tail = chunk.split(b"\n")
        for piece in ended:
            self._end(self._tail + piece)
            self._tail = b""
        self._tail = (self._tail + tail)[: MOST_BYTES + 1]

    def take(self, *, last: bool = False) -> tuple[str, ...]:
        """Return the lines; with `last` also one that was never ended."""
        if last and self._tail:
            self._end(self._tail)
            self._tail = b""
        lines = [line.decode("utf-8", "replace") for line in self._lines]
        if self._dropped:
            lines.insert(0, f"[{self._dropped} lines left out by the lab]")
        self._lines.clear()
        self._dropped = 0
        return tuple(lines)

    def _end(self, line: bytes) -> None:
        if len(self._lines) == MOST_LINES:
            self._dropped += 1
        cut = line[:MOST_BYTES] + b" [cut]" if len(line) > MOST_BYTES else line
        self._lines.append(cut.rstrip(b"\r"))
