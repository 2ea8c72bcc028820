"""One question at a time: which requests are sent where, and what the answers to them mean."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import seen as world
from aws.canned import VirtualClock
from execute.asking import (
    ADDRESSES,
    COOKIE,
    EVERYTHING,
    HEADER,
    HOST,
    IDENTITY,
    PATH,
    SECRET,
    Answering,
    Ending,
    as_revision,
    route,
    scene,
    taste,
    whole_b,
)
from teal.execute.questions import PASS, ROW_LENGTH, Verdict, Way, ask, gate_environment, taste_way
from teal.model.identity import LabFacts, Slot
from teal.model.snapshot import RouteState, TasteState
from teal.model.spec import HttpGate, IdentitySpec, RouteCreate, RunGate
from teal.model.step import PassGate, ProbeProduction, ProveIdentity, Question
from teal.ports import CommandResult, Ports, Reply, Request

# Ways

WAY = Way(addresses=ADDRESSES, port=443, tls=True, host="shop.test", path="/", headers={"X-Teal-Taste": "s3cret"})
NOT_MADE = replace(route(), rule=None)
OF_ANOTHER_GROUP = route(HOST, PATH, HEADER, key="web:9090")
WAYS: dict[str, tuple[TasteState, tuple[RouteState, ...], Way]] = {
    "a secret header": (taste(SECRET), (route(),), WAY),
    "a secret cookie": (taste(COOKIE), (route(),), replace(WAY, headers={"Cookie": "teal=s3cret"})),
    "a port of its own": (
        taste(EVERYTHING, port=9001, protocol="HTTP"),
        (route(),),
        replace(WAY, port=9001, tls=False, headers={}),
    ),
    "as the route's conditions want it": (
        taste(SECRET),
        (route(PATH, HEADER, HOST),),
        replace(WAY, host="teal.shop.test", path="/vx/", headers={"X-Teal-Taste": "s3cret", "X-Api": "v1"}),
    ),
    "one unknown letter": (
        taste(SECRET),
        (route(replace(HOST, values=("h?.shop.test",))),),
        replace(WAY, host="hx.shop.test"),
    ),
    "of a route that is still to be made": (
        taste(SECRET),
        (replace(NOT_MADE, spec=replace(world.ROUTE, create=RouteCreate(priority=20, conditions=(HOST,)))),),
        replace(WAY, host="teal.shop.test"),
    ),
    "of a route that was not found": (taste(SECRET), (NOT_MADE,), WAY),
    "by the route of its group": (taste(SECRET), (OF_ANOTHER_GROUP, route()), WAY),
}


@pytest.mark.parametrize(("rule_of_b", "routes", "way"), WAYS.values(), ids=WAYS)
def test_how_a_slot_is_tasted(ports: Ports, rule_of_b: TasteState, routes: tuple[RouteState, ...], way: Way) -> None:
    """A taste goes to its listener with its secret, and with the name, path and headers that its route answers to."""
    tastes = (taste(SECRET, slot=Slot.A, port=7), rule_of_b)
    found = replace(whole_b(), tastes=tastes, routes=routes)
    assert taste_way(scene(ports, found, Answering(lambda *_: as_revision())), Slot.B) == way


@pytest.mark.parametrize("tastes", [(), (taste(SECRET, slot=Slot.A),), (taste(),)])
def test_no_way_to_a_slot_without_a_taste_rule(ports: Ports, tastes: tuple[TasteState, ...]) -> None:
    """The other slot's rule is none of this slot's, and one that is not there leads nowhere: every question waits."""
    there = scene(ports, replace(whole_b(), tastes=tastes), Answering(lambda *_: as_revision()))
    assert taste_way(there, Slot.B) is None
    for gate in (HttpGate(path="/"), RunGate(command="true")):
        verdict = ask(PassGate(slot=Slot.B, index=0, gate=gate), there)
        assert verdict == Verdict(state="WAIT", reason="there is no taste rule")
    assert ask(ProveIdentity(slot=Slot.B, revision=42), there).state == "WAIT"


@pytest.mark.parametrize(("port", "lab", "opened"), [(80, 8000, 8080), (1023, 8000, 9023), (1024, 8000, 1024)])
def test_low_ports_of_a_lab(ports: Ports, port: int, lab: int, opened: int) -> None:
    """A port that only root may open is really opened elsewhere in a lab, and there alone."""
    prober = Answering(lambda *_: as_revision())
    found = replace(whole_b(), tastes=(taste(SECRET, port=port),))
    caller = replace(found.caller, lab=LabFacts(time_scale=1.0, low_port_offset=lab))
    there = taste_way(scene(ports, replace(found, caller=caller), prober), Slot.B)
    on_aws = taste_way(scene(ports, found, prober), Slot.B)
    assert there is not None
    assert on_aws is not None
    assert (there.port, on_aws.port) == (opened, port)


# Who answers

PROVE = ProveIdentity(slot=Slot.B, revision=42)
ALL = ROW_LENGTH * len(ADDRESSES)


def waits(reason: str, *, contradicts: bool = False) -> Verdict:
    """Return the verdict that it is not so yet."""
    return Verdict(state="WAIT", reason=reason, contradicts=contradicts)


def last(reply: Reply) -> Callable[[int, Request], Reply]:
    """Answer well but for the last request of the last address."""
    return lambda number, _: reply if number == ALL else as_revision()


SAYS: dict[str, tuple[Reply, Verdict]] = {
    "right": (as_revision(), PASS),
    "another": (
        as_revision("41"),
        waits("192.0.2.2 says X-Revision: 41, expected 42", contradicts=True),
    ),
    "nothing": (
        Reply(status=200, headers={}, body=""),
        waits("192.0.2.2 says X-Revision: nothing, expected 42"),
    ),
    "not a word": (
        Reply(status=0, headers={}, body="", error="reset"),
        waits("192.0.2.2 says reset, expected 42"),
    ),
    "not to the end": (as_revision(error="cut off"), waits("192.0.2.2 says cut off, expected 42")),
}


@pytest.mark.parametrize("step", [PROVE, ProbeProduction(slot=Slot.B, revision=42)])
@pytest.mark.parametrize(("reply", "verdict"), SAYS.values(), ids=SAYS)
def test_every_address_says_who_it_is_five_times_in_a_row(
    ports: Ports, step: Question, reply: Reply, verdict: Verdict
) -> None:
    """One answer of ten that is not the expected one is told by its address; only another name contradicts."""
    prober = Answering(last(reply))
    assert ask(step, scene(ports, whole_b(), prober)) == verdict
    assert [request.address for request in prober.asked] == [address for address in ADDRESSES for _ in range(5)]
    secret = {"X-Teal-Taste": "s3cret"} if step is PROVE else {}
    assert {(request.path, str(request.headers), request.host) for request in prober.asked} == {
        ("/who", str(secret), "shop.test")
    }


@pytest.mark.parametrize("identity", [None, IDENTITY])
def test_a_name_without_an_address_is_waited_for(ports: Ports, identity: IdentitySpec | None) -> None:
    """Before the name of the load balancer leads anywhere nothing is asked; a gate waits for it as well."""
    prober = Answering(lambda *_: as_revision(), addresses_=())
    there = scene(ports, whole_b(), prober, identity=identity)
    for step in (PROVE, PassGate(slot=Slot.B, index=0, gate=HttpGate(path="/"))):
        assert ask(step, there) == waits("the name shop.test has no address")
    probed = ask(ProbeProduction(slot=Slot.B, revision=42), there)
    assert probed == (PASS if identity is None else waits("the name shop.test has no address"))
    assert prober.asked == []


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply(status=500, headers={}, body=""), PASS),
        (Reply(status=0, headers={}, body="", error="refused"), waits("the taste route does not answer: refused")),
    ],
)
def test_without_a_word_of_its_own_any_answer_will_do(ports: Ports, reply: Reply, verdict: Verdict) -> None:
    """An app that does not say who it is is asked once, and any answer shows the taste route to lead somewhere."""
    prober = Answering(lambda *_: reply)
    found = replace(whole_b(), routes=(route(PATH),))
    assert ask(PROVE, scene(ports, found, prober, identity=None)) == verdict
    assert [(request.address, request.path) for request in prober.asked] == [(ADDRESSES[0], "/vx/")]
    silent = Answering(lambda *_: reply)
    assert ask(ProbeProduction(slot=Slot.B, revision=42), scene(ports, found, silent, identity=None)) == PASS
    assert silent.asked == []


@pytest.mark.parametrize(("wanted", "there"), [(43, 42), (None, 1)])
def test_nobody_is_asked_while_the_slot_holds_something_else(ports: Ports, wanted: int | None, there: int) -> None:
    """What ECS says comes first; a revision that is not registered yet is not the first one of all."""
    prober = Answering(lambda *_: as_revision(str(there)))
    verdict = ask(replace(PROVE, revision=wanted), scene(ports, whole_b(there), prober))
    assert verdict.state == "WAIT"
    assert f"slot b does not hold exactly revision {wanted or 0}; task " in verdict.reason
    assert prober.asked == []


ROUTES: dict[str, tuple[tuple[RouteState, ...], int]] = {
    "one that was not found": ((NOT_MADE, route()), 1),
    "one whose listener is gone": ((replace(route(), listener=None), route()), 1),
    "the second": ((route(HOST), route()), ROW_LENGTH * 2 + 1),
}


@pytest.mark.parametrize(("routes", "asked"), ROUTES.values(), ids=ROUTES)
def test_every_route_of_production_is_asked(ports: Ports, routes: tuple[RouteState, ...], asked: int) -> None:
    """A route that is not there is passed over; any other that answers as somebody else is told."""
    prober = Answering(lambda _, request: as_revision("42" if request.host == "teal.shop.test" else "41"))
    found = replace(whole_b(), routes=routes)
    verdict = ask(ProbeProduction(slot=Slot.B, revision=42), scene(ports, found, prober))
    assert (verdict.contradicts, len(prober.asked)) == (True, asked)


@pytest.mark.parametrize(
    ("variable", "revision", "expected"),
    [("RELEASE", 42, "r7"), ("OTHER", 42, "42"), ("RELEASE", 77, "77"), (None, 42, "42")],
)
def test_what_an_app_is_expected_to_say(ports: Ports, variable: str | None, revision: int, expected: str) -> None:
    """The value that its task definition gives to the configured variable; where there is none, its revision."""
    pairs = [{"name": "COLOUR", "value": "teal"}, {"name": "RELEASE", "value": "r7"}]
    found = whole_b(revision)
    definitions = {arn: replace(each, body=world.body(environment=pairs)) for arn, each in found.definitions.items()}
    prober = Answering(lambda *_: as_revision(expected))
    identity = replace(IDENTITY, environment=variable)
    there = scene(ports, replace(found, definitions=definitions), prober, identity=identity)
    assert ask(replace(PROVE, revision=revision), there) == PASS


# Gates

HTTP = HttpGate(path="/health", status=204, contains="fine", headers={"X-From": "teal"}, timeout_s=3.0)
FINE = as_revision(status=204, body="all fine")
GATES: dict[str, tuple[list[Reply], Verdict, int]] = {  # the answers in turn, and after how many it is decided
    "fine": ([FINE], PASS, 1),
    "late": ([as_revision(), FINE], PASS, 2),
    "status": ([as_revision()] * 3, Verdict(state="FAIL", reason="GET /health: status 200, expected 204, 3 times"), 3),
    "body": (
        [as_revision(status=204, body="poor")] * 3,
        Verdict(state="FAIL", reason="GET /health: the body does not contain 'fine', 3 times"),
        3,
    ),
    "silent": (
        [replace(FINE, error="refused")] * 3,
        Verdict(state="FAIL", reason="GET /health: refused, 3 times"),
        3,
    ),
}


@pytest.mark.parametrize(("replies", "verdict", "asked"), GATES.values(), ids=GATES)
def test_a_request_is_tried_three_times_one_address_after_the_other(
    ports: Ports, replies: list[Reply], verdict: Verdict, asked: int
) -> None:
    """A gate passes with the first good answer; between two tries lies a second of AWS."""
    prober, clock, found = Answering(lambda number, _: replies[number - 1]), VirtualClock(), whole_b()
    slow = replace(found.caller, lab=LabFacts(time_scale=0.4, low_port_offset=0))
    there = scene(ports, replace(found, caller=slow), prober, clock=clock)
    assert ask(PassGate(slot=Slot.B, index=0, gate=HTTP), there) == verdict
    wanted = [(ADDRESSES[number % 2], "/health", "s3cret", "teal", 3.0) for number in range(asked)]
    assert wanted == [
        (each.address, each.path, each.headers["X-Teal-Taste"], each.headers["X-From"], each.timeout_s)
        for each in prober.asked
    ]
    assert clock.naps == [0.4] * (asked - (verdict == PASS))


RUN = RunGate(command="./smoke.sh --all", retry_s=7.0)
COMMANDS: dict[str, tuple[CommandResult, Verdict]] = {
    "good": (CommandResult(exit_code=0, output="no"), PASS),
    "patient": (
        CommandResult(exit_code=75, output=""),
        Verdict(state="WAIT", reason="run ./smoke.sh … asks to wait", retry_after_s=7.0),
    ),
    "bad": (
        CommandResult(exit_code=1, output="one\n\x1b[31mtwo s3cret\n"),
        Verdict(state="FAIL", reason="run ./smoke.sh … exited with 1: one\n[31mtwo •••"),
    ),
    "endless": (
        CommandResult(exit_code=None, output="first" + 500 * "y"),
        Verdict(state="FAIL", reason=f"run ./smoke.sh … took too long: {500 * 'y'}"),
    ),
}


@pytest.mark.parametrize(("result", "verdict"), COMMANDS.values(), ids=COMMANDS)
def test_how_a_command_ended_decides(ports: Ports, result: CommandResult, verdict: Verdict) -> None:
    """0 passes, 75 waits, anything else fails; of a failure the last 500 letters are told, without the secret."""
    there = scene(ports, whole_b(), Answering(lambda *_: as_revision()), shell=Ending(result))
    assert ask(PassGate(slot=Slot.B, index=0, gate=RUN), there) == verdict


@pytest.mark.parametrize("addresses", [ADDRESSES, ()])
@pytest.mark.parametrize("tagged", [True, False])
def test_what_a_command_is_told(ports: Ports, addresses: tuple[str, ...], *, tagged: bool) -> None:
    """Slot, revision, and how to reach it: the secret header, an address, or the name where there is none yet."""
    found, shell = whole_b(), Ending(CommandResult(exit_code=0, output=""))
    if not tagged:
        found = replace(found, slots={**found.slots, Slot.B: world.slot_state(Slot.B, world.service(Slot.B, 42))})
    there = scene(ports, found, Answering(lambda *_: as_revision(), addresses_=addresses), shell=shell)
    ask(PassGate(slot=Slot.B, index=0, gate=RUN), there)
    way = taste_way(there, Slot.B)
    assert way is not None
    assert (
        gate_environment(there, Slot.B, way)
        == shell.told[0]
        == {
            "TEAL_APP": "shop-web",
            "TEAL_SLOT": "b",
            "TEAL_REVISION": "42" if tagged else "0",
            "TEAL_URL": f"https://{addresses[0] if addresses else 'shop.test'}:443",
            "TEAL_HOST": "shop.test",
            "TEAL_HEADER": "X-Teal-Taste: s3cret",
        }
    )
