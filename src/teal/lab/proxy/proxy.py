"""The load balancer of the lab: several Envoys on the same ports, told what to do as a whole, again and again.

`apply` says what should be and returns at once; `health` says what is. Neither waits for a target, and any thread may
call them. Time is an argument: the changes that a call to `apply` finds due are the ones that are due at its `now_s`.

On Linux the kernel spreads connections over the nodes that listen on a port. Elsewhere it does not: use one node there.
"""

import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from teal.errors import LabError
from teal.lab.proxy.admin import HostSeen
from teal.lab.proxy.clusters import cluster_name, dial_of
from teal.lab.proxy.counts import RequestCounts, Sums
from teal.lab.proxy.files import Files
from teal.lab.proxy.listeners import routes
from teal.lab.proxy.node import Node
from teal.lab.proxy.process import EnvoyProcess
from teal.lab.proxy.reasons import Reasons
from teal.lab.proxy.slow_start import SlowStarts
from teal.lab.proxy.sockets import Address, Scissors
from teal.lab.proxy.timetable import Listeners, Timetable
from teal.lab.proxy.verdict import Key, State, Verdicts
from teal.lab.world.wires import DataPlane, ProxyGroup, ProxyTarget, RulesTaken, TargetSeen

_MOST_RESTARTS = 5
_CLOSING_S = 2.0  # a port is ours for a little longer than it is wanted
_ASK_EVERY_S = 0.08  # the shortest time between two looks at the nodes
_NOTHING = DataPlane(listeners=(), groups=())
Seen = Mapping[tuple[str, tuple[str, int]], HostSeen]


def check_free(host: str, port: int) -> None:
    """Raise LabError when something else listens on an address.

    Two Envoys may share a port, and so may a stranger that asks for it in the same way; only a plain bind tells.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LabError(
                f"port {port} on {host} is taken or cannot be opened ({error.strerror})",
                hint=f"`ss -ltnp 'sport = :{port}'` says by whom",
            ) from error


def check_loopback(plane: DataPlane) -> None:
    """Raise LabError when a plane, wherever it comes from, would open or dial anything but loopback."""
    targets = (target.host for group in plane.groups for target in group.targets)
    for host in (*(one.host for one in plane.listeners), *targets):
        if not host.startswith("127."):
            raise LabError(f"the lab opens and dials loopback alone, and not {host}")


class Proxy:
    """The load balancer.

    Args:
        directory: where the nodes keep their files.
        envoy: the program, see `find_envoy`.
        nodes: how many Envoys there are.
        delays_s: the shortest and the longest time a node takes to take up a change of rules.
        seed: which delays are drawn.
        log: gets warnings of Envoy, line by line.
        on_start: gets the id of every process (and group) started, so that it can be ended whatever happens.
    """

    def __init__(  # noqa: PLR0913 - all by name, and each is a choice of its own
        self,
        *,
        directory: Path,
        envoy: Path,
        nodes: int = 2,
        delays_s: tuple[float, float],
        seed: int,
        log: Callable[[str], None],
        on_start: Callable[[int], None],
    ) -> None:
        self._log = log
        self._sums = Sums()
        self._nodes = tuple(
            Node(
                process=EnvoyProcess(number, directory / f"node-{number}", envoy, on_start),
                files=Files(directory / f"node-{number}"),
                timetable=Timetable(seed=seed, node=number, delays_s=delays_s),
                sums=self._sums,
                scissors=Scissors(log=log),
            )
            for number in range(nodes)
        )
        self._lock = Lock()
        self._plane = _NOTHING
        self._now_s = 0.0
        self._running = False
        self._restarts = 0
        self._ours_until_s: dict[tuple[str, int], float] = {}
        self._verdicts = Verdicts()
        self._reasons = Reasons()
        self._slow_starts = SlowStarts()
        self._views: list[Seen] = []
        self._asked_s = -_ASK_EVERY_S
        self._names: dict[str, str] = {}  # cluster → ARN

    def start(self) -> None:
        """Start all nodes and wait until they are ready for their first listener."""
        for node in self._nodes:
            node.write_first_files()
            node.process.start()
        try:
            for node in self._nodes:
                node.process.wait_ready()
        except LabError:
            self.stop()
            raise
        self._running = True

    def apply(self, plane: DataPlane, now_s: float) -> None:
        """Make `plane` so: targets at once, listeners and rules in each node's own time.

        Raises:
            LabError: a new listener's port is taken, something is not on loopback, or a rule is beyond this balancer.
                Nothing of `plane` was taken up; the plane before goes on.
        """
        with self._lock:
            self._now_s = now_s
            if self._running:
                self._revive()
            if plane != self._plane:
                self._take_up(plane, now_s)
            for node in self._nodes:
                node.tick(now_s)

    def _take_up(self, plane: DataPlane, now_s: float) -> None:
        for one in plane.listeners:
            routes(one)  # what cannot be translated is refused now, and not by each node in its own time
        check_loopback(plane)
        self._check_ports(plane.listeners, now_s)
        if plane.listeners != self._plane.listeners:
            for node in self._nodes:
                node.timetable.announce(plane.listeners, now_s)
        groups = {group.arn: group for group in plane.groups}
        self._names.update({cluster_name(arn): arn for arn in groups})
        for node in self._nodes:
            node.take_groups(groups, now_s)
        self._plane = plane

    def _check_ports(self, listeners: Listeners, now_s: float) -> None:
        held = {address for node in self._nodes for address in node.addresses()}
        self._ours_until_s.update(dict.fromkeys(held, now_s + _CLOSING_S))
        for one in listeners:
            if self._ours_until_s.get((one.host, one.port), 0.0) <= now_s:
                check_free(one.host, one.port)

    def _revive(self) -> None:
        """Start a node again that has ended by itself: its files say what it has to do."""
        for node in self._nodes:
            if node.process.alive():
                if node.process.admin is None:
                    node.process.answers()
                continue
            self._restarts += 1
            if self._restarts > _MOST_RESTARTS:
                raise LabError(f"the lab's load balancer has ended {self._restarts} times")
            self._log(f"a node of the load balancer has ended and is started again ({self._restarts})")
            node.process.start()

    def health(self) -> list[TargetSeen]:
        """Return the health of every target of the plane, as all nodes together see it."""
        with self._lock:
            for node in self._nodes:
                for line in node.process.complaints():
                    self._log(line)
            views = self._look()
            targets = [(group, target) for group in self._plane.groups for target in group.targets]
            keys = [_key(*pair) for pair in targets]
            self._verdicts.keep_only(keys)
            self._reasons.keep_only(keys)
            self._slow_starts.keep_only(set(keys))
            seen = [self._seen(*pair, views) for pair in targets]
            self._weigh(dict(zip(keys, seen, strict=True)))
            return seen

    def _weigh(self, seen: Mapping[Key, TargetSeen]) -> None:
        """Tell the nodes what share targets get that have become healthy beside others."""
        for group in self._plane.groups:
            dials = {_key(group, target): dial_of(target) for target in group.targets}
            here: dict[Key, State] = {key: seen[key].state for key in dials}
            weights = self._slow_starts.weights(here, group.slow_start_s, self._now_s)
            if group.slow_start_s > 0:
                for node in self._nodes:
                    node.weigh(group.arn, {dials[key]: weight for key, weight in weights.items()})

    def _check_again(self, group: ProxyGroup, dial: Address, seen: Sequence[HostSeen | None]) -> None:
        """Give a new target that has failed on a node another first check there: one that it passes will do."""
        for node, one in zip(self._nodes, seen, strict=True):
            if one is not None and not one.healthy and not one.pending:
                node.check_again(group.arn, dial, group.health_check.interval_s, self._now_s)

    def _look(self) -> list[Seen]:
        """Return what every node says now, or said a moment ago."""
        if not self._asked_s <= self._now_s < self._asked_s + _ASK_EVERY_S:
            self._asked_s = self._now_s
            self._views = [_by_address(node.seen()) for node in self._nodes]
        return self._views

    def _seen(self, group: ProxyGroup, target: ProxyTarget, views: list[Seen]) -> TargetSeen:
        """Return the health of one target."""
        key = _key(group, target)
        dial = dial_of(target)
        seen = [view.get((cluster_name(group.arn), dial)) for view in views]
        state = self._verdicts.judge(key, group.health_check, seen, self._now_s)
        if state == "initial":
            self._check_again(group, dial, seen)
        reason, description = "", ""
        if state == "unhealthy":
            check = replace(group.health_check, port=target.health_port or group.health_check.port)
            reason, description = self._reasons.of(key, check, dial, self._now_s)
        return TargetSeen(
            group_arn=group.arn,
            target_id=target.target_id,
            port=target.port,
            state=state,
            reason=reason,
            description=description,
        )

    def news(self) -> list[RulesTaken]:
        """Return which rules the nodes have taken up since the last call."""
        with self._lock:
            return [taken for node in self._nodes for taken in node.news()]

    def counts(self) -> Mapping[str, RequestCounts]:
        """Return how many requests each group got since the start, by its ARN."""
        with self._lock:
            for node in self._nodes:
                node.counters()
            return {arn: self._sums.of(name) for name, arn in self._names.items()}

    def pids(self) -> tuple[int, ...]:
        """Return the ids of all running nodes."""
        return tuple(node.process.pid for node in self._nodes if node.process.pid is not None and node.process.alive())

    def stop(self) -> None:
        """End all nodes, for good; what is in flight ends with them."""
        with self._lock:
            self._running = False
            for node in self._nodes:
                node.process.signal(signal.SIGTERM)
            for node in self._nodes:
                node.process.wait()
            self._reasons.close()


def _key(group: ProxyGroup, target: ProxyTarget) -> Key:
    return group.arn, target.target_id, target.port


def _by_address(clusters: Mapping[str, tuple[HostSeen, ...]]) -> Seen:
    return {(host.cluster, host.dial): host for hosts in clusters.values() for host in hosts}
