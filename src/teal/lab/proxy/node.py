"""One node of the load balancer: what its files say, and in which order they may change.

Targets change at once, rules and listeners when their time has come. In between, three orders hold:

- A cluster is made without targets first. Envoy puts a new cluster to use when every target it has was checked once; an
  empty one it puts to use at once, and its targets then appear as `initial`.
- Rules that forward to a new group wait until the node uses its cluster.
- A cluster goes when no rule on this node, now or soon, forwards to it and no request to it is open.

What is still open to a target whose time is over is cut off; for a moment longer, because Envoy may have sent it
something new before it read that the target is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from teal.lab.proxy.admin import HostSeen
from teal.lab.proxy.clusters import assignment, cluster, cluster_name, dial_of, endpoints
from teal.lab.proxy.counts import Sums
from teal.lab.proxy.faults import with_faults
from teal.lab.proxy.files import Files
from teal.lab.proxy.listeners import listener, listener_name, routes
from teal.lab.proxy.news import rules_taken
from teal.lab.proxy.process import EnvoyProcess
from teal.lab.proxy.sockets import Address, Scissors
from teal.lab.proxy.standing import Standings
from teal.lab.proxy.timetable import Listeners, Timetable
from teal.lab.world.wires import Forward, ProxyGroup, RequestFault, RulesTaken

_SETTLE_S = 1.0  # a node has read its new rules and targets long before


def dials(group: ProxyGroup) -> set[Address]:
    """Return where requests to a group are open, or may be."""
    return {dial_of(target) for target in group.targets} | {*group.finishing}


def groups_used(listeners: Listeners) -> set[str]:
    """Return the ARNs of the groups that listeners forward to, with whatever weight."""
    actions = (rule.action for one in listeners for rule in one.rules)
    return {arn for action in actions if isinstance(action, Forward) for arn, _ in action.shares}


@dataclass(slots=True, kw_only=True)
class Node:
    """One Envoy and its files."""

    process: EnvoyProcess
    files: Files
    timetable: Timetable
    sums: Sums
    scissors: Scissors
    listeners: Listeners = ()
    _wanted: frozenset[str] = frozenset()  # ARNs of the groups of the plane
    _groups: dict[str, ProxyGroup] = field(default_factory=dict[str, ProxyGroup])
    _in_use: set[str] = field(default_factory=set[str])  # ARNs whose cluster Envoy uses
    _leaving_s: dict[str, float] = field(default_factory=dict[str, float])  # ARN → since when nothing forwards to it
    _dropped: set[str] = field(default_factory=set[str])  # ARNs whose counters are not seen to be gone yet
    _faults: Mapping[str, tuple[RequestFault, ...]] = field(default_factory=dict[str, tuple[RequestFault, ...]])
    _taken: list[RulesTaken] = field(default_factory=list[RulesTaken])  # not told yet
    _standings: Standings = field(default_factory=Standings)
    _cut_until_s: dict[Address, float] = field(default_factory=dict[Address, float])
    _last_seen: Mapping[str, tuple[HostSeen, ...]] = field(default_factory=dict[str, tuple[HostSeen, ...]])

    def write_first_files(self) -> None:
        """Write files without any content, so that Envoy has something to watch."""
        self.files.write("cds.json", [])
        self.files.write("lds.json", [])

    def addresses(self) -> set[tuple[str, int]]:
        """Return the addresses that this node listens on, or soon will."""
        every = (self.listeners, *self.timetable.coming())
        return {(one.host, one.port) for listeners in every for one in listeners}

    def take_groups(self, groups: Mapping[str, ProxyGroup], now_s: float) -> None:
        """Make the groups and their targets what they should be."""
        self._note_cuts(groups, now_s)
        self._groups.update(groups)
        self._wanted = frozenset(groups)
        self._note_leaving(now_s)
        self._standings.keep_only({(arn, dial) for arn, group in self._groups.items() for dial in dials(group)})
        self._write_groups()
        faults = {arn: group.request_faults for arn, group in groups.items() if group.request_faults}
        if faults != self._faults:
            self._faults = faults
            self._write_rules(self.listeners)

    def weigh(self, arn: str, weights: Mapping[Address, int]) -> None:
        """Give targets of a group their shares, in per cent of a full one."""
        self._standings.weigh(arn, weights)
        self._write_groups()

    def check_again(self, arn: str, dial: Address, interval_s: float, now_s: float) -> None:
        """Begin anew with a new target that failed its first check, as soon as the next one is due."""
        if self._standings.begin_again(arn, dial, interval_s, now_s):
            self._write_groups()

    def _note_cuts(self, groups: Mapping[str, ProxyGroup], now_s: float) -> None:
        """Note the addresses that a group has no more; one that any group has is kept, for connections look alike."""
        lost = {
            dial
            for arn, group in groups.items()
            if arn in self._groups
            for dial in dials(self._groups[arn]) - dials(group)
        }
        kept = {dial for group in groups.values() for dial in dials(group)}
        self._cut_until_s.update(dict.fromkeys(lost, now_s + _SETTLE_S))
        self._cut_until_s = {dial: until_s for dial, until_s in self._cut_until_s.items() if dial not in kept}

    def _cut(self, now_s: float) -> None:
        """Cut off what is open to targets whose time is over."""
        if self.process.pid is not None and self.process.alive():
            self.scissors.cut(self.process.pid, self._cut_until_s)
        self._cut_until_s = {dial: until_s for dial, until_s in self._cut_until_s.items() if until_s > now_s}

    def _note_leaving(self, now_s: float) -> None:
        """Note since when nothing forwards to a group, now or soon."""
        every = (self.listeners, *self.timetable.coming())
        needed = self._wanted.union(*map(groups_used, every))
        self._leaving_s = {arn: self._leaving_s.get(arn, now_s) for arn in self._groups.keys() - needed}

    def tick(self, now_s: float) -> None:
        """Do what has become possible: name targets of new clusters, take up due rules, drop unused clusters."""
        if self._groups.keys() - self._in_use:
            self._look_for_new_clusters()
        self._take_up(now_s)
        if self._cut_until_s:
            self._cut(now_s)
        if self._dropped:
            self._watch_dropped()
        if any(now_s >= since_s + _SETTLE_S for since_s in self._leaving_s.values()):
            self._drop_unused(now_s)

    def _write_groups(self) -> None:
        for arn, group in self._groups.items():
            shown = endpoints(group, self._standings) if arn in self._in_use else assignment(arn)
            self.files.write(_file(arn), [shown])
        clusters = [cluster(group, self.files.path(_file(arn))) for arn, group in self._groups.items()]
        self.files.write("cds.json", clusters)

    def _look_for_new_clusters(self) -> None:
        seen = self.seen()
        new = {arn for arn in self._groups.keys() - self._in_use if cluster_name(arn) in seen}
        if new:
            self._in_use |= new
            self._write_groups()

    def _take_up(self, now_s: float) -> None:
        """Take up every change that is due, as long as its groups are in use."""
        while (listeners := self.timetable.due(now_s)) is not None:
            if groups_used(listeners) & self._groups.keys() - self._in_use:
                return
            self.timetable.done()
            self._write_listeners(listeners)
            self._note_leaving(now_s)

    def _write_listeners(self, listeners: Listeners) -> None:
        gone = {listener_name(one) for one in self.listeners} - {listener_name(one) for one in listeners}
        self._taken.append(rules_taken(self.timetable.node, self.listeners, listeners))
        self._write_rules(listeners)
        wanted = [listener(one, self.files.path(_rules_file(listener_name(one)))) for one in listeners]
        self.files.write("lds.json", wanted)
        for name in gone:
            self.files.remove(_rules_file(name))
        self.listeners = listeners

    def _write_rules(self, listeners: Listeners) -> None:
        for one in listeners:
            self.files.write(_rules_file(listener_name(one)), [with_faults(routes(one), self._faults)])

    def news(self) -> list[RulesTaken]:
        """Return what this node has taken up since the last call."""
        taken, self._taken = self._taken, []
        return taken

    def _drop_unused(self, now_s: float) -> None:
        """Drop the clusters that nothing forwards to and that have no request open; look again in a while otherwise."""
        counters = self.counters()
        if counters is None:
            return
        for arn in [arn for arn, since_s in self._leaving_s.items() if now_s >= since_s + _SETTLE_S]:
            if counters.get(f"cluster.{cluster_name(arn)}.upstream_rq_active", 0):
                self._leaving_s[arn] = now_s
                continue
            del self._leaving_s[arn], self._groups[arn]
            self._in_use.discard(arn)
            self._dropped.add(arn)
            self._write_groups()
            self.files.remove(_file(arn))

    def _watch_dropped(self) -> None:
        """Look until the counters of what was dropped are gone, so that they are added up from nothing later."""
        counters = self.counters()
        if counters is not None:
            left = self._dropped - self._groups.keys()
            self._dropped = {arn for arn in left if f"cluster.{cluster_name(arn)}.upstream_rq_total" in counters}

    def seen(self) -> Mapping[str, tuple[HostSeen, ...]]:
        """Return what Envoy says about the targets of each cluster, or what it said last when it does not answer."""
        answer = self.process.admin.clusters() if self.process.admin is not None else None
        if answer is not None:
            self._last_seen = answer
        return self._last_seen

    def counters(self) -> Mapping[str, int] | None:
        """Return the counters of Envoy, added to the sums; None when it does not answer."""
        answer = self.process.admin.counters() if self.process.admin is not None else None
        if answer is not None:
            self.sums.add(self.timetable.node, answer)
        return answer


def _file(arn: str) -> str:
    return f"{cluster_name(arn)}.json"


def _rules_file(name: str) -> str:
    return f"rules-{name}.json"
