"""Putting questions to a slot: through its taste route before it has traffic, through production when it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from teal.execute.perform import Scene
from teal.model.identity import Slot
from teal.model.snapshot import RouteState, TasteState
from teal.model.spec import HttpGate, IdentitySpec, RunGate
from teal.model.step import PassGate, ProbeProduction, ProveIdentity, Question
from teal.model.text import clean
from teal.model.traffic import Condition, Listener
from teal.plan.identity import identity_problems
from teal.ports import Reply, Request

ROW_LENGTH = 5  # equal answers in a row that one address must give
WAIT_EXIT_CODE = 75
PRIVILEGED_PORTS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`PASS`, `FAIL` or `WAIT`, and why."""

    state: str
    reason: str = ""
    retry_after_s: float = 1.0
    contradicts: bool = False  # it answered, as somebody else than was expected


PASS = Verdict(state="PASS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a slot or a route is reached: every address, port, and the headers a request needs."""

    addresses: tuple[str, ...]
    port: int
    tls: bool
    host: str
    path: str
    headers: Mapping[str, str]

    @property
    def url(self) -> str:
        """The address as a person would type it."""
        return f"{'https' if self.tls else 'http'}://{self.addresses[0] if self.addresses else self.host}:{self.port}"


def ask(step: Question, scene: Scene) -> Verdict:
    """Put a question once."""
    match step:
        case ProveIdentity():
            return _identity(step, scene)
        case PassGate():
            return _gate(step, scene)
        case ProbeProduction():
            return _production(step, scene)
        case _:
            assert_never(step)


def _gate(step: PassGate, scene: Scene) -> Verdict:
    match step.gate:
        case HttpGate() as gate:
            return _http(gate, taste_way(scene, step.slot), scene)
        case RunGate() as gate:
            return _run(gate, step, scene)
        case _:
            assert_never(step.gate)


def taste_way(scene: Scene, slot: Slot) -> Way | None:
    """Return how `slot` is tasted; None while it has no taste rule."""
    taste = next((t for t in scene.snapshot.tastes if t.slot is slot and t.rule is not None), None)
    if taste is None:
        return None
    route = next(r for r in scene.snapshot.routes if r.spec.group_key == taste.group_key)
    conditions = _conditions(route)
    return _way(scene, taste.listener, conditions, {**_taste_header(taste), **_header_conditions(conditions)})


def _taste_header(taste: TasteState) -> dict[str, str]:
    condition = taste.rule.conditions[0] if taste.rule is not None else Condition(field="")
    if condition.field != "http-header":
        return {}
    return {condition.header: condition.values[0].strip("*")}


def _conditions(route: RouteState) -> tuple[Condition, ...]:
    if route.rule is not None:
        return route.rule.conditions
    return route.spec.create.conditions if route.spec.create is not None else ()


def _header_conditions(conditions: tuple[Condition, ...]) -> dict[str, str]:
    return {c.header: c.values[0].replace("*", "") for c in conditions if c.field == "http-header"}


def _way(scene: Scene, listener: Listener, conditions: tuple[Condition, ...], headers: Mapping[str, str]) -> Way:
    balancer = next(b for b in scene.snapshot.load_balancers if b.arn == listener.load_balancer_arn)
    lab = scene.snapshot.caller.lab
    offset = lab.low_port_offset if lab is not None and listener.port < PRIVILEGED_PORTS else 0
    hosts = [c.values[0] for c in conditions if c.field == "host-header"]
    paths = [c.values[0] for c in conditions if c.field == "path-pattern"]
    return Way(
        addresses=scene.ports.prober.addresses(balancer.dns_name),
        port=listener.port + offset,
        tls=listener.protocol == "HTTPS",
        host=hosts[0].replace("*", "teal").replace("?", "x") if hosts else balancer.dns_name,
        path=paths[0].replace("*", "").replace("?", "x") if paths else "/",
        headers=headers,
    )


def _reachable(way: Way | None) -> str:
    if way is None:
        return "there is no taste rule"
    return "" if way.addresses else f"the name {way.host} has no address"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probe:
    """A request to every address of a way."""

    path: str
    headers: Mapping[str, str]
    timeout_s: float = 10.0


def _send(scene: Scene, way: Way, address: str, probe: _Probe) -> Reply:
    return scene.ports.prober.ask(
        Request(
            address=address,
            port=way.port,
            tls=way.tls,
            host=way.host,
            path=probe.path,
            headers={**way.headers, **probe.headers},
            timeout_s=probe.timeout_s,
        )
    )


def _identity(step: ProveIdentity, scene: Scene) -> Verdict:
    revision = step.revision or 0
    problems = identity_problems(scene.spec, scene.snapshot, step.slot, revision)
    if problems:
        return Verdict(state="WAIT", reason="; ".join(problems))
    way = taste_way(scene, step.slot)
    if way is None or not way.addresses:
        return Verdict(state="WAIT", reason=_reachable(way))
    identity = scene.spec.identity
    if identity is None:
        reply = _send(scene, way, way.addresses[0], _Probe(path=way.path, headers={}))
        # Without a word of the app's own any answer will do; what it must say is a matter of the taste gates.
        return (
            PASS if not reply.error else Verdict(state="WAIT", reason=f"the taste route does not answer: {reply.error}")
        )
    return _says(scene, way, identity, revision)


def _production(step: ProbeProduction, scene: Scene) -> Verdict:
    identity = scene.spec.identity
    if identity is None:
        return PASS
    for route in scene.snapshot.routes:
        if route.rule is None or route.listener is None:
            continue
        conditions = _conditions(route)
        way = _way(scene, route.listener, conditions, _header_conditions(conditions))
        verdict = _says(scene, way, identity, step.revision)
        if verdict.state != "PASS":
            return verdict
    return PASS


def _says(scene: Scene, way: Way, identity: IdentitySpec, revision: int) -> Verdict:
    """Ask every address who it is; all must give the expected answer, several times in a row.

    A node that has not taken up a rule yet answers by the next one: a taste would be answered by production.
    """
    if not way.addresses:
        return Verdict(state="WAIT", reason=_reachable(way))
    expected = _expected(scene, identity, revision)
    probe = _Probe(path=identity.path, headers={})
    for address in way.addresses:
        for _ in range(ROW_LENGTH):
            reply = _send(scene, way, address, probe)
            said = reply.headers.get(identity.header.lower(), "nothing")
            if reply.error or said != expected:
                what = clean(reply.error or f"{identity.header}: {said}")
                contradicts = not reply.error and identity.header.lower() in reply.headers
                reason = f"{address} says {what}, expected {clean(expected)}"
                return Verdict(state="WAIT", reason=reason, contradicts=contradicts)
    return PASS


def _expected(scene: Scene, identity: IdentitySpec, revision: int) -> str:
    definition = scene.snapshot.definition(scene.spec.family, revision)
    if identity.environment is None or definition is None:
        return str(revision)
    pairs = (pair for c in definition.body.get("containerDefinitions", ()) for pair in c.get("environment", ()))
    return next((str(pair["value"]) for pair in pairs if pair.get("name") == identity.environment), str(revision))


def _http(gate: HttpGate, way: Way | None, scene: Scene) -> Verdict:
    if way is None or not way.addresses:
        return Verdict(state="WAIT", reason=_reachable(way))
    reason = ""
    for attempt in range(gate.attempts):
        address = way.addresses[attempt % len(way.addresses)]
        reply = _send(scene, way, address, _Probe(path=gate.path, headers=gate.headers, timeout_s=gate.timeout_s))
        reason = _answer_problem(gate, reply)
        if not reason:
            return PASS
        scene.ports.clock.sleep(1.0 * scene.snapshot.caller.time_scale)
    return Verdict(state="FAIL", reason=f"GET {gate.path}: {reason}, {gate.attempts} times")


def _answer_problem(gate: HttpGate, reply: Reply) -> str:
    if reply.error:
        return reply.error
    if reply.status != gate.status:
        return f"status {reply.status}, expected {gate.status}"
    return "" if gate.contains in reply.body else f"the body does not contain {gate.contains!r}"


def _run(gate: RunGate, step: PassGate, scene: Scene) -> Verdict:
    way = taste_way(scene, step.slot)
    if way is None:
        return Verdict(state="WAIT", reason=_reachable(way))
    result = scene.ports.shell.run(gate.command, gate_environment(scene, step.slot, way), gate.timeout_s)
    if result.exit_code == 0:
        return PASS
    if result.exit_code == WAIT_EXIT_CODE:
        return Verdict(state="WAIT", reason=f"{gate} asks to wait", retry_after_s=gate.retry_s)
    ended = "took too long" if result.exit_code is None else f"exited with {result.exit_code}"
    said = _without_secrets(result.output.strip()[-500:], way)
    lines = "\n".join(clean(line) for line in said.splitlines())
    return Verdict(state="FAIL", reason=f"{gate} {ended}: {lines}")


def _without_secrets(text: str, way: Way) -> str:
    """Return what a command printed without the taste secret, which it was given."""
    for secret in way.headers.values():
        text = text.replace(secret, "•••")
    return text


def gate_environment(scene: Scene, slot: Slot, way: Way) -> dict[str, str]:
    """Return what a gate command is told, as `TEAL_*` variables."""
    deployment = scene.snapshot.slot(slot).deployment
    header = next((f"{name}: {value}" for name, value in way.headers.items()), "")
    return {
        "TEAL_APP": scene.spec.app,
        "TEAL_SLOT": str(slot),
        "TEAL_REVISION": str(deployment.revision if deployment is not None else 0),
        "TEAL_URL": way.url,
        "TEAL_HOST": way.host,
        "TEAL_HEADER": header,
    }
