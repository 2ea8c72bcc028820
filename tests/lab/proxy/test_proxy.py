"""The balancer with real Envoys and real apps."""

import asyncio
import re
import socket
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lab.proxy.stage import (
    BALANCER,
    Stage,
    clusters,
    condition,
    fixed,
    forward,
    group,
    host,
    load_through,
    rule,
    target,
    until,
)
from teal.errors import LabError
from teal.lab.load import LoadOptions, Mix
from teal.lab.proxy import check_free
from teal.lab.world.wires import Forward, ProxyRule, Redirect

pytestmark = pytest.mark.lab


def test_conditions(stage: Stage) -> None:
    """A request meets the first rule all of whose conditions hold; hosts ignore case and port, paths do not."""
    rules = [
        fixed("source", condition("source-ip", "127.8.0.0/14", "::1/128")),
        fixed("host", condition("host-header", "a.test", "*.shop.test")),
        fixed("path", condition("path-pattern", "/img/*.png", "/v?/x")),
        fixed("header", condition("http-header", "g*en", "\\*", header="X-Slot")),
        fixed("method", condition("http-request-method", "PUT", "DELETE")),
        fixed("query", condition("query-string", queries=(("slot", "green*"), ("", "taste")))),
        fixed("both", condition("path-pattern", "/both"), condition("http-header", "1", header="x-both")),
        fixed("default"),
    ]
    stage.show((), *rules)
    until(lambda: stage.settled(status=200), "both nodes answer")
    examples: list[tuple[str, dict[str, Any]]] = [
        ("source", {"source": "127.9.1.2"}),
        ("default", {"source": "127.12.0.1"}),
        ("host", {"headers": {"Host": "A.test:81"}}),
        ("host", {"headers": {"Host": "www.SHOP.test"}}),
        ("default", {"headers": {"Host": "shop.test"}}),
        ("path", {"path": "/img/a/b.png?x=1"}),
        ("default", {"path": "/IMG/a.png"}),
        ("default", {"path": "/img/a.pngx"}),
        ("path", {"path": "/v2/x"}),
        ("default", {"path": "/v22/x"}),
        ("header", {"headers": {"x-slot": "GREEN"}}),
        ("header", {"headers": {"X-Slot": "*"}}),
        ("default", {"headers": {"X-Slot": "blue"}}),
        ("method", {"method": "DELETE"}),
        ("query", {"path": "/?a=b&SLOT=Greenish&c=d"}),
        ("query", {"path": "/?any=taste"}),
        ("query", {"path": "/?taste"}),
        ("default", {"path": "/slot=green"}),
        ("default", {"path": "/?xslot=green"}),
        ("both", {"path": "/both?q", "headers": {"X-Both": "1"}}),
        ("default", {"path": "/both"}),
    ]
    assert [(wanted, stage.ask(**request).body, request) for wanted, request in examples] == [
        (wanted, wanted, request) for wanted, request in examples
    ]
    assert stage.ask().headers["content-type"] == "text/css"
    assert stage.log == []


def test_redirects(stage: Stage) -> None:
    """A redirect keeps what its placeholders keep and changes the rest."""
    same = {"protocol": "#{protocol}", "host": "#{host}", "port": "#{port}", "path": "/#{path}", "query": "#{query}"}
    templates: list[tuple[dict[str, str], str]] = [
        ({"protocol": "HTTPS", "port": "443"}, "https://a.test:443/old/x?q=1"),
        ({"host": "b.test"}, "http://b.test/old/x?q=1"),
        ({"path": "/new", "query": ""}, "http://a.test/new"),
        ({"path": "/new/#{path}/y"}, "http://a.test/new/old/x/y?q=1"),
        ({"query": "only=this"}, "http://a.test/old/x?only=this"),
        ({"path": "/new", "query": "only=100%"}, "http://a.test/new?only=100%"),
        ({"host": "www.#{host}", "path": "/v2/#{path}", "protocol": "HTTPS"}, "https://www.a.test/v2/old/x?q=1"),
    ]
    rules = [
        ProxyRule(
            arn=f"r{i}",
            conditions=(condition("http-header", str(i), header="x-case"),),
            action=Redirect(status=301 + i % 2, **(same | change)),
        )
        for i, (change, _) in enumerate(templates)
    ]
    stage.show((), *rules, fixed("default"))
    until(lambda: stage.settled(status=200), "both nodes answer")
    for i, (_, location) in enumerate(templates):
        got = stage.ask("/old/x?q=1", headers={"Host": "a.test", "X-Case": str(i)})
        assert (got.status, got.headers["location"]) == (301 + i % 2, location)


def test_headers(stage: Stage) -> None:
    """The app sees X-Forwarded-… and a trace id, and neither side sees anything of Envoy's."""
    stage.app(host(1), REVISION="1")
    stage.show((group("blue", target("t", host(1), 8080)),), forward(("blue", 1)))
    until(lambda: stage.all_states("healthy") and stage.settled(status=200), "healthy")
    sent = {
        "X-Forwarded-For": "9.9.9.9",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "X-Request-Id": "mine",
        "X-Odd-CASE": "1",
    }
    seen = stage.echo(**sent)
    assert seen["x-forwarded-for"].replace(" ", "") == "9.9.9.9,127.0.0.1"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("http", str(stage.port))
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", seen["x-amzn-trace-id"])
    assert seen["x-request-id"] == "mine"
    for headers in (seen, stage.echo()):  # a client that names no earlier hop is another kind of client to Envoy
        assert [name for name in headers if name.startswith(("x-envoy", "x-teal"))] == []
    got = stage.ask("/echo", headers={"X-Odd-CASE": "1", "X-Amzn-Trace-Id": "Root=1-a-b"})
    assert '"X-Odd-CASE"' in got.body
    assert "Root=1-a-b" in got.body
    assert [name for name in got.headers if "envoy" in name] == []
    assert "server" not in got.headers
    assert stage.ask("/echo", headers={f"X-H{i}": "v" for i in range(90)}).status == 200


def test_health(stage: Stage) -> None:
    """A target is initial, then healthy or unhealthy with AWS's reason; the unhealthy get nothing while others live."""
    stage.app(host(1), REVISION="1", HEALTH_AFTER_SECONDS="1")
    stage.app(host(2), REVISION="2", FAIL="health")
    targets = [target(name, host(i), 8080) for i, name in enumerate("abcd", 1)]
    with socket.create_server((host(3), 8080)):  # it takes connections and never answers
        stage.show((group("blue", *targets),), forward(("blue", 1)))
        until(lambda: stage.all_states(*["initial"] * 4), "initial")
        until(lambda: stage.all_states("healthy", *["unhealthy"] * 3), "judged")
        until(lambda: stage.states["c"].reason == "Target.Timeout", "asked")
    told = {name: (seen.reason, seen.description) for name, seen in stage.states.items()}
    assert told == {
        "a": ("", ""),
        "b": ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"),
        "c": ("Target.Timeout", "Request timed out"),
        "d": ("Target.FailedHealthChecks", "Health checks failed"),
    }
    until(lambda: {stage.ask().headers.get("x-revision") for _ in range(30)} == {"1"}, "only the healthy are asked")
    stage.apps[0].kill()
    until(lambda: stage.all_states(*["unhealthy"] * 4), "none is left")
    until(lambda: "2" in {stage.ask().headers.get("x-revision") for _ in range(8)}, "fails open")


def test_own_answers(stage: Stage) -> None:
    """No target is 503, a target that refuses or resets is 502, a silent one is 504: small pages by awselb/2.0."""
    stage.app(host(1))
    rules = (
        rule(condition("path-pattern", "/empty"), group_arn="empty"),
        rule(condition("path-pattern", "/refuses"), group_arn="refuses"),
        rule(condition("path-pattern", "/nobody"), group_arn="nobody"),
        ProxyRule(arn="zero", conditions=(condition("path-pattern", "/zero"),), action=Forward(shares=(("empty", 0),))),
        forward(("slow", 1)),
    )
    groups = (
        group("empty"),
        group("refuses", target("r", host(2), 8080)),
        group("slow", target("s", host(1), 8080)),
    )
    stage.show(groups, *rules, idle_timeout_s=1.0)
    until(lambda: stage.states.keys() == {"r", "s"} and stage.states["s"].state == "healthy", "healthy")
    until(lambda: stage.settled(status=200), "both nodes answer")
    pages = {"/empty": 503, "/refuses": 502, "/nobody": 503, "/zero": 503, "/slow?seconds=3": 504}
    for path, status in pages.items():
        got = stage.ask(path)
        assert (path, got.status, got.headers["server"]) == (path, status, "awselb/2.0")
        assert got.headers["content-type"] == "text/html"
        assert f"<center><h1>{status} " in got.body


def test_reset_is_502(stage: Stage) -> None:
    """A target that ends a connection under a request makes it a 502, and the request is not sent again."""
    taken: list[bytes] = []
    server = socket.create_server((host(1), 8080))

    def hang_up() -> None:
        for _ in range(50):
            try:
                connection, _ = server.accept()
            except OSError:
                return
            taken.append(connection.recv(4096))
            connection.close()

    thread = Thread(target=hang_up, daemon=True)
    thread.start()
    stage.show((group("blue", target("t", host(1), 8080)),), forward(("blue", 1)))
    until(lambda: stage.all_states("unhealthy"), "unhealthy")
    assert stage.ask("/once").status == 502
    assert len([request for request in taken if b"/once" in request]) == 1
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_taken_port(stage: Stage) -> None:
    """A port that something else has is an error that names it, until it is free."""
    with socket.create_server((BALANCER, stage.port)):
        with pytest.raises(LabError, match=f"port {stage.port} on {BALANCER} is taken"):
            check_free(BALANCER, stage.port)
        stage.show((), fixed("mine"))
        until(lambda: stage.errors, "refused")
        assert "is taken" in str(stage.errors[0])
    until(lambda: stage.settled(body="mine"), "opened")
    stage.errors.clear()


def test_nodes_differ(stage: Stage) -> None:
    """For a while after a change some nodes answer by the old rules and some by the new."""
    stage.show((), fixed("old"))
    until(lambda: stage.settled(body="old"), "old")
    mixed = 0
    for number in range(8):
        text = f"new {number}"
        stage.show((), fixed(text))
        answers = [stage.ask().body]
        while answers[-12:] != [text] * 12:
            answers.append(stage.ask().body)
            assert len(answers) < 5000
        flips = sum(1 for a, b in pairwise(answers) if a != b)
        mixed += flips > 1
    assert mixed > 0


def test_removed_group(stage: Stage) -> None:
    """A group that no rule uses any more leaves the nodes, and is new when it comes back."""
    stage.app(host(1), REVISION="1")
    blue = group("blue", target("t", host(1), 8080))
    for _ in range(2):
        stage.show((blue,), forward(("blue", 1)))
        until(lambda: stage.settled(body="revision 1\n"), "forwarded")
        stage.show((), fixed("gone"))
        until(lambda: stage.settled(body="gone"), "gone")
        until(lambda: not clusters(stage), "dropped", 5)
    until(lambda: stage.proxy.counts()["blue"].requests >= 24, "counted over both lives")
    assert stage.log == []


def test_dead_node(stage: Stage) -> None:
    """A node that dies is started again with all it had to do."""
    stage.app(host(1), REVISION="1")
    stage.show((group("blue", target("t", host(1), 8080)),), forward(("blue", 1)))
    until(lambda: stage.settled(status=200), "forwarded")
    first = stage.proxy.pids()
    stage.proxy._nodes[0].process.signal(9)  # type: ignore[arg-type]  # a plain number does as well
    until(lambda: len({*stage.proxy.pids()} - {*first}) == 1, "started again")
    until(lambda: stage.settled(times=40, status=200) and stage.all_states("healthy"), "forwarded")


def test_flips_under_load(stage: Stage) -> None:
    """Flips, weights, and targets that come and go under load with slow requests in flight: no request fails."""
    for i in range(1, 5):
        stage.app(host(i), REVISION="blue" if i <= 2 else "green")
    names = [target(f"t{i}", host(i), 8080) for i in range(1, 5)]
    blue, green = group("blue", *names[:2]), group("green", *names[2:])
    stage.show((blue, green), forward(("blue", 1), ("green", 0)))
    until(lambda: stage.all_states(*["healthy"] * 4) and stage.settled(status=200), "healthy")

    async def scenes() -> None:
        weights = [(100, 0), (90, 10), (50, 50), (5, 95), (0, 100)]
        for number in range(50):
            first, second = weights[number % 5]
            stays, leaves = names[number // 5 % 2], names[1 - number // 5 % 2]
            fewer = replace(group("blue", stays), finishing=((leaves.host, leaves.host_port),))
            stage.show((fewer if number % 5 == 2 else blue, green), forward(("blue", first), ("green", second)))
            await asyncio.sleep(0.25)

    mix = Mix(new_connections_percent=20, slow_per_s=5, slow_seconds=2)
    options = LoadOptions(url=f"http://{BALANCER}:{stage.port}/", rate_per_s=150, duration_s=60, mix=mix)
    result = load_through(stage, options, scenes)
    assert (result.failed, result.failures, result.in_flight) == (0, {}, 0)
    assert result.answered > 1500
    assert min(result.slots["blue"].count, result.slots["green"].count) > 250
    counts = stage.proxy.counts()
    requests = sum(count.requests for count in counts.values())
    assert requests >= result.answered
    assert sum(count.answers_5xx for count in counts.values()) == 0
    assert stage.log == []


def test_memory(stage: Stage) -> None:
    """A node stays under 100 MB."""
    stage.show((), fixed("x"))
    until(lambda: stage.settled(status=200), "up")
    for pid in stage.proxy.pids():
        status = Path(f"/proc/{pid}/status").read_text()
        assert int(status.partition("VmRSS:")[2].split()[0]) < 100_000
