"""A balancer on a stage: real Envoys, real apps, and a thread that applies the plane again and again, as a lab does."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Event

from teal.errors import LabError
from teal.lab.load import Load, LoadOptions, Snapshot
from teal.lab.proxy import Proxy
from teal.lab.world.wires import (
    Condition,
    DataPlane,
    FixedResponse,
    Forward,
    HealthCheck,
    ProxyGroup,
    ProxyListener,
    ProxyRule,
    ProxyTarget,
    TargetSeen,
)

CHECK = HealthCheck(
    protocol="HTTP",
    port=None,
    path="/health",
    interval_s=0.2,
    timeout_s=1.0,
    healthy_count=2,
    unhealthy_count=2,
    codes=((200, 299),),
)
_NETWORKS = range(100, 120)  # no lab takes these


def _claimed() -> tuple[int, socket.socket]:
    """Return a network that no other test process on this machine has, and what keeps it until this one ends."""
    for network in _NETWORKS:
        try:
            return network, socket.create_server((f"127.{network}.255.254", 7007))
        except OSError:
            continue
    raise RuntimeError("all networks are taken")


_NETWORK, _CLAIM = _claimed()
BALANCER = f"127.{_NETWORK}.255.1"
_DEADLINE_S = 15.0
_PERIOD_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer, whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


def host(number: int) -> str:
    """Return the address of an app."""
    return f"127.{_NETWORK}.0.{number}"


def free_port(host: str) -> int:
    """Return a port that nobody has on `host`."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], object], what: str, deadline_s: float = _DEADLINE_S) -> None:
    """Wait until something is so; fail at the deadline."""
    end_s = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end_s, f"not within {deadline_s:g} s: {what}"
        Event().wait(0.01)


def target(name: str, host: str, port: int) -> ProxyTarget:
    """Return a target whose id says nothing of where it is."""
    return ProxyTarget(target_id=name, port=80, host=host, host_port=port)


def group(arn: str, *targets: ProxyTarget, check: HealthCheck = CHECK) -> ProxyGroup:
    """Return a group."""
    return ProxyGroup(arn=arn, name=arn, health_check=check, targets=targets)


def forward(*shares: tuple[str, int]) -> ProxyRule:
    """Return a default rule that forwards."""
    return ProxyRule(arn="default", conditions=(), action=Forward(shares=shares))


def rule(*conditions: Condition, group_arn: str) -> ProxyRule:
    """Return a rule that forwards to one group."""
    return ProxyRule(arn=f"rule-{group_arn}", conditions=conditions, action=Forward(shares=((group_arn, 1),)))


def fixed(name: str, *conditions: Condition) -> ProxyRule:
    """Return a rule that answers with a text."""
    answer = FixedResponse(status=200, content_type="text/css", body=name)
    return ProxyRule(arn=name, conditions=conditions, action=answer)


def condition(name: str, *values: str, header: str = "", queries: tuple[tuple[str, str], ...] = ()) -> Condition:
    """Return a condition."""
    return Condition(field=name, values=values, header=header, queries=queries)


@dataclass(slots=True)
class Stage:
    """Two Envoys, apps, one listener."""

    proxy: Proxy
    port: int
    log: list[str]
    plane: DataPlane = field(default_factory=lambda: DataPlane(listeners=(), groups=()))
    apps: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    ended: Event = field(default_factory=Event)
    states: dict[str, TargetSeen] = field(default_factory=dict[str, TargetSeen])
    errors: list[Exception] = field(default_factory=list[Exception])

    def keep_applying(self) -> None:
        """Apply the plane until the end."""
        while not self.ended.wait(_PERIOD_S):
            try:
                self.proxy.apply(self.plane, time.monotonic())
                self.states = {seen.target_id: seen for seen in self.proxy.health()}
            except (LabError, OSError, LookupError, ValueError) as error:
                self.errors.append(error)

    def show(self, groups: tuple[ProxyGroup, ...], *rules: ProxyRule, idle_timeout_s: float = 60.0) -> None:
        """Make a plane of one listener the wanted one."""
        listener = ProxyListener(
            arn="listener", host=BALANCER, port=self.port, idle_timeout_s=idle_timeout_s, rules=rules
        )
        self.plane = DataPlane(listeners=(listener,), groups=groups)

    def app(self, host: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start the sample app at port 8080 of `host`."""
        env = {"PATH": os.defpath, "PYTHONPATH": "src", "HOST": host, "PORT": "8080", **environment}
        app = subprocess.Popen([sys.executable, "-m", "teal.lab.sample"], env=env, stdout=subprocess.DEVNULL)
        self.apps.append(app)
        return app

    def ask(
        self, path: str = "/", *, method: str = "GET", headers: Mapping[str, str] | None = None, source: str = ""
    ) -> Got:
        """Send one request on a connection of its own."""
        bound = (source, 0) if source else None
        connection = HTTPConnection(BALANCER, self.port, timeout=10, source_address=bound)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            answer = connection.getresponse()
            body = answer.read().decode()
            return Got(status=answer.status, headers={k.lower(): v for k, v in answer.getheaders()}, body=body)
        finally:
            connection.close()

    def echo(self, **headers: str) -> dict[str, str]:
        """Return the headers that the app gets, in lower case."""
        got = json.loads(self.ask("/echo", headers=headers).body)
        return {name.lower(): value for name, value in got["headers"].items()}

    def all_states(self, *states: str) -> bool:
        """Say whether the targets, by name, have these states."""
        return tuple(self.states[name].state for name in sorted(self.states)) == states

    def settled(self, path: str = "/", times: int = 12, **expected: object) -> bool:
        """Say whether many answers in a row, from all nodes, are as expected."""
        try:
            return all(getattr(self.ask(path), name) == value for _ in range(times) for name, value in expected.items())
        except ConnectionRefusedError:
            return False  # no node listens yet

    def end(self) -> None:
        """Stop everything."""
        self.ended.set()
        for app in self.apps:
            app.kill()
            app.wait(5)
        self.proxy.stop()


def clusters(stage: Stage) -> set[str]:
    """Return the names of the clusters that any node uses."""
    with stage.proxy._lock:
        return {name for node in stage.proxy._nodes for name in node.seen()}


def in_flight(stage: Stage) -> int:
    """Return how many requests targets have not answered yet."""
    with stage.proxy._lock:
        counters = [node.counters() or {} for node in stage.proxy._nodes]
    return sum(value for each in counters for name, value in each.items() if name.endswith("upstream_rq_active"))


def load_through(stage: Stage, options: LoadOptions, scenes: Callable[[], Awaitable[None]]) -> Snapshot:
    """Run a load and play scenes under it, one after the other."""

    async def both() -> Snapshot:
        load = Load(options)
        running = asyncio.ensure_future(load.run())
        await scenes()
        load.stop()
        return await running

    return asyncio.run(both())
