"""When changes are taken up, what nodes together say, and what they have counted."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from teal.errors import LabError
from teal.lab.proxy.admin import HostSeen
from teal.lab.proxy.binary import find_envoy
from teal.lab.proxy.counts import RequestCounts, Sums
from teal.lab.proxy.files import Files
from teal.lab.proxy.reasons import FAILED, TIMED_OUT, Reasons, ask
from teal.lab.proxy.timetable import Timetable, delay_s
from teal.lab.proxy.verdict import Verdicts
from teal.lab.world.wires import HealthCheck, ProxyListener

CHECK = HealthCheck(
    protocol="HTTP",
    port=None,
    path="/",
    interval_s=10.0,
    timeout_s=0.2,
    healthy_count=2,
    unhealthy_count=3,
    codes=((200, 299),),
)
KEY = ("group", "10.0.0.1", 80)
UP = HostSeen(cluster="g", dial=("127.0.0.1", 1), healthy=True, pending=False)
DOWN = HostSeen(cluster="g", dial=("127.0.0.1", 1), healthy=False, pending=False)
NEW = HostSeen(cluster="g", dial=("127.0.0.1", 1), healthy=False, pending=True)


def listeners(port: int) -> tuple[ProxyListener, ...]:
    """Return listeners that differ by their port."""
    return (ProxyListener(arn="l", host="127.0.0.1", port=port, idle_timeout_s=60, rules=()),)


def test_delays_are_drawn() -> None:
    """A delay depends on seed, node and number alone, and stays between its bounds."""
    drawn = [delay_s(seed, node, number, (1.0, 3.0)) for seed in (1, 2) for node in (0, 1) for number in range(50)]
    assert len({*drawn}) == len(drawn)
    assert min(drawn) >= 1.0
    assert max(drawn) <= 3.0
    assert delay_s(1, 0, 7, (1.0, 3.0)) == delay_s(1, 0, 7, (1.0, 3.0))


def test_changes_keep_their_order() -> None:
    """Each change waits for its time, and none overtakes the one before it."""
    table = Timetable(seed=3, node=0, delays_s=(0.0, 5.0))
    for number in range(20):
        table.announce(listeners(number + 1), now_s=0.1 * number)
    assert table.due(-1.0) is None
    seen: list[int] = []
    for tick in range(80):
        while (due := table.due(tick / 10)) is not None:
            seen.append(due[0].port)
            table.done()
    assert seen == list(range(1, 21))
    assert table.coming() == ()


@pytest.mark.parametrize(
    ("views", "state"),
    [
        ([(0, UP, UP)], "healthy"),
        ([(0, UP, NEW)], "initial"),
        ([(0, None, UP)], "initial"),
        ([(0, DOWN, NEW)], "initial"),
        ([(0, DOWN, DOWN)], "initial"),
        ([(0, DOWN, DOWN), (24, DOWN, DOWN)], "initial"),
        ([(0, DOWN, DOWN), (25, DOWN, UP)], "unhealthy"),
        ([(0, UP, UP), (1, UP, DOWN)], "unhealthy"),
        ([(0, UP, UP), (1, UP, None)], "healthy"),
        ([(0, UP, UP), (1, UP, NEW)], "healthy"),
        ([(0, UP, UP), (1, DOWN, UP), (2, UP, UP)], "healthy"),
    ],
)
def test_verdict(views: list[tuple[float, HostSeen | None, HostSeen | None]], state: str) -> None:
    """Healthy takes all nodes; a new target that fails is initial until it has failed often enough."""
    verdicts = Verdicts()
    assert [verdicts.judge(KEY, CHECK, seen, now_s) for now_s, *seen in views][-1] == state


def test_a_target_that_comes_back_is_new() -> None:
    """What is known of a target ends with it."""
    verdicts = Verdicts()
    assert verdicts.judge(KEY, CHECK, [UP], 0) == "healthy"
    verdicts.keep_only([])
    assert verdicts.judge(KEY, CHECK, [DOWN], 1) == "initial"


def test_a_new_target_has_time_to_start() -> None:
    """However short the interval, a new target may fail for a while before it is unhealthy; an old one may not."""
    check = replace(CHECK, interval_s=0.1, start_least_s=5.0)
    verdicts = Verdicts()
    assert [verdicts.judge(KEY, check, [DOWN], now_s) for now_s in (0.0, 4.9, 5.0)] == [
        "initial",
        "initial",
        "unhealthy",
    ]
    verdicts = Verdicts()
    assert [verdicts.judge(KEY, check, [seen], 0.0) for seen in (DOWN, UP, DOWN)] == ["initial", "healthy", "unhealthy"]


@contextmanager
def answering(text: bytes) -> Iterator[tuple[str, int]]:
    """Serve one connection with fixed bytes; without any it stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(text)

        if text:
            Thread(target=serve, daemon=True).start()
        yield server.getsockname()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"HTTP/1.1 500 No\r\n\r\n", ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]")),
        (b"HTTP/1.1 200 Ok\r\n\r\n", FAILED),
        (b"nonsense\r\n\r\n", FAILED),
        (b"", TIMED_OUT),
    ],
)
def test_reason(text: bytes, reason: tuple[str, str]) -> None:
    """A target is asked why it is unhealthy, in AWS's words."""
    with answering(text) as dial:
        assert ask(dial, CHECK) == reason


def test_refused_is_failed() -> None:
    """A target that nobody listens for has failed its checks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        dial = server.getsockname()
    assert ask(dial, CHECK) == FAILED


def test_reasons_come_at_once() -> None:
    """The last known reason is given without waiting, and a target is asked once per interval."""
    reasons = Reasons()
    with answering(b"HTTP/1.1 503 No\r\n\r\n") as dial:
        reasons.of(KEY, CHECK, dial, 0.0)
        for _ in range(200):
            Event().wait(0.01)
            if reasons.of(KEY, CHECK, dial, 9.9) != FAILED:
                break
        assert reasons.of(KEY, CHECK, dial, 9.9) == (
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [503]",
        )
    reasons.close()


def test_sums_outlive_counters() -> None:
    """Requests are added over nodes, and over a counter that begins anew."""
    sums = Sums()
    total, failed = "cluster.group-a.upstream_rq_total", "cluster.group-a.upstream_rq_5xx"
    for node, counters in (
        (0, {total: 5, failed: 1, "cluster.group-a.upstream_rq_active": 9}),
        (1, {total: 7}),
        (0, {total: 6, failed: 1}),
        (0, {}),
        (0, {total: 6}),
        (1, {total: 2}),
    ):
        sums.add(node, counters)
    assert sums.of("group-a") == RequestCounts(requests=6 + 7 + 6 + 2, answers_5xx=1)
    assert sums.of("group-b") == RequestCounts()


def test_files_change_whole(tmp_path: Path) -> None:
    """A file is replaced by a rename, and left alone when it would stay the same."""
    files = Files(tmp_path / "node")
    files.write("a.json", [{"x": 1}])
    first = Path(files.path("a.json")).stat().st_ino
    files.write("a.json", [{"x": 1}])
    assert Path(files.path("a.json")).stat().st_ino == first
    files.write("a.json", [{"x": 2}])
    assert Path(files.path("a.json")).read_text() == '{"resources": [{"x": 2}]}'
    files.remove("a.json")
    assert list((tmp_path / "node").iterdir()) == []


def test_envoy_is_found(tmp_path: Path) -> None:
    """`TEAL_ENVOY` comes first and must be a program; otherwise the wheel beside this Python is used."""
    program = tmp_path / "envoy"
    program.touch(0o755)
    assert find_envoy({"TEAL_ENVOY": str(program)}) == program
    assert find_envoy({}).name == "envoy"
    with pytest.raises(LabError, match="not a program") as refused:
        find_envoy({"TEAL_ENVOY": str(tmp_path / "none")})
    assert refused.value.hint
