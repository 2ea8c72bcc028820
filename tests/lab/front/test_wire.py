"""HTTP in, AWS's answer out, in the protocol of the request."""

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from threading import Lock
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from teal.errors import LabError, UsageError
from teal.lab.front import Catalogue, Door, Front, Pages, Reply, Request
from teal.lab.world.ground import Answer, Params
from teal.lab.world.wires import AwsRefusal, WorldEvent

CATALOGUE = Catalogue()
SIGNED = "AWS4-HMAC-SHA256 Credential=lab/20261122/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
TOKEN = {"x-teal-lab-token": "t0ken"}
HEADERS = {"x-teal-lab-time-scale": "0.1", "x-teal-lab-low-port-offset": "8000"}


class Region:
    """A world of three answers: a cluster, a refusal and a crash."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def call(self, service: str, operation: str, params: Params, now_s: float) -> Answer:
        """Answer, refuse or break."""
        self.calls.append((service, operation))
        if service not in {"ecs", "elbv2"}:
            raise AwsRefusal("NotSimulated", f"teal's lab does not simulate {service} {operation}", 501)
        if operation == "CreateCluster":
            return {"cluster": {"clusterName": params["clusterName"], "status": "ACTIVE"}}
        if operation == "ModifyRule":
            raise AwsRefusal("RuleNotFound", "One or more rules not found <&>")
        if operation == "DescribeTargetHealth":
            return {"TargetHealthDescriptions": []}
        raise RuntimeError(f"{now_s} secret detail")


class Lab:
    """What the pages ask of a lab."""

    def metadata(self, task_id: str) -> Mapping[str, Any] | None:
        """Know one task of two containers."""
        return {"Revision": "41", "Containers": [{"Name": "web"}, {"Name": "log"}]} if task_id == "abc" else None

    def status(self) -> Mapping[str, Any]:
        """Be well."""
        return {"tasks": 3}

    def events(self, since: int, most: int) -> tuple[int, list[WorldEvent]]:
        """Have two events."""
        every = [WorldEvent(at_s=float(n), source="ecs", subject="web", message=f"event {n}") for n in range(2)]
        return since, every[since : since + most]


class Orders:
    """Take orders: one fault may begin, one ends."""

    def faults(self) -> list[dict[str, Any]]:
        """Have one fault."""
        return [{"number": 1}]

    def place(self, body: bytes) -> dict[str, Any]:
        """Let the right one begin."""
        if body != b"fault":
            raise UsageError("no such fault", hint="there are some")
        return {"number": 2}

    def mend(self, body: bytes) -> list[dict[str, Any]]:
        """End one."""
        if body:
            raise LabError("cannot")
        return [{"number": 1}]

    def snapshot(self) -> bytes:
        """Be a file."""
        return b"file"

    def restore(self, body: bytes) -> dict[str, Any]:
        """Take it back."""
        return {"bytes": len(body)}


def front(world: Region) -> Front:
    """Return a front over a world."""
    return Front(world=world, lock=Lock(), clock=lambda: 1.0, wake=lambda: None, catalogue=CATALOGUE)


def request(service: str, body: bytes, **headers: str) -> Request:
    """Return a signed request."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="POST", path="/", headers={"authorization": SIGNED.format(service), **given}, body=body)


def ecs(operation: str, body: bytes = b"{}") -> Request:
    """Return a JSON request to ECS."""
    return request("ecs", body, x_amz_target=f"AmazonEC2ContainerServiceV20141113.{operation}")


ANSWERED: list[tuple[Request, int, str]] = [
    (ecs("CreateCluster", b'{"clusterName": "demo"}'), 200, '"clusterName":"demo"'),
    (ecs("CreateCluster", b"{"), 400, '"__type":"SerializationException"'),
    (ecs("CreateCluster", b"[]"), 400, "not a JSON object"),
    (ecs("CreateCluster", b"[" * 100_000), 400, "SerializationException"),
    (ecs("DescribeClusters"), 500, '"__type":"InternalFailure"'),
    (ecs("MakeTea"), 400, '"__type":"InvalidAction"'),
    (
        request("elasticloadbalancing", b"Action=ModifyRule&RuleArn=r", content_type=FORM),
        400,
        "<Code>RuleNotFound</Code>",
    ),
    (request("elasticloadbalancing", b"Action=ModifyRule", content_type=FORM), 400, "<Code>ValidationError</Code>"),
    (request("elasticloadbalancing", b"Action=ModifyRule&a=1&a.b=2", content_type=FORM), 400, "MalformedQueryString"),
    (request("elasticloadbalancing", b"Action=ModifyRule&\xff=1", content_type=FORM), 400, "MalformedQueryString"),
    (request("elasticloadbalancing", b"Version=2012-06-01&Action=X", content_type=FORM), 400, "elb has no operation X"),
    (
        request("elasticloadbalancing", b"Action=ModifyRule&RuleArn" + b".a" * 9999, content_type=FORM),
        400,
        "deeper than",
    ),
    (
        request(
            "elasticloadbalancing", b"Action=ModifyRule&RuleArn=r&Actions.member." + b"9" * 9999, content_type=FORM
        ),
        400,
        "must be a list",
    ),
    (request("ec2", b"Action=Nothing", content_type=FORM), 400, "<Response><Errors><Error><Code>InvalidAction"),
    (request("tea", b"Action=Pour", content_type=FORM), 501, "<Code>NotSimulated</Code>"),
    (
        Request(method="GET", path="/", headers={"authorization": SIGNED.format("s3")}),
        501,
        "does not simulate s3 GET /",
    ),
    (Request(method="GET", path="/f", headers={"authorization": SIGNED.format("lambda")}), 501, '"NotSimulated"'),
    (Request(method="POST", path="/", headers={}), 403, "MissingAuthenticationToken"),
    (Request(method="POST", path="/", headers={"authorization": "Basic abc", "x-amz-target": "a.b"}), 403, '"__type"'),
]


@pytest.mark.parametrize(("asked", "status", "part"), ANSWERED)
def test_every_request_gets_an_answer_that_its_client_can_read(asked: Request, status: int, part: str) -> None:
    """Errors have the protocol of the request, and no detail of a crash leaves the lab."""
    reply = front(Region()).reply(asked)
    assert reply.status == status
    assert part in reply.body.decode()
    assert "secret detail" not in reply.body.decode()
    assert reply.headers["x-amzn-RequestId"]


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[Region, int]]:
    """Open a door to a region; yield the region and the port."""
    world, ended = Region(), list[str]()
    behind = front(world)
    pages = Pages(facts=Lab(), orders=Orders(), token="t0ken", end=lambda: ended.append("end"))  # noqa: S106 - a token of this test
    door = Door(port=0, answer=lambda asked: pages.reply(asked) or behind.reply(asked), headers=HEADERS)
    door.open()
    yield world, door.port
    door.close()


def client(port: int, service: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Return a botocore client of the lab."""
    session = Session()
    session.set_credentials("lab", "lab")
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"}, parameter_validation=False)
    return session.create_client(service, "eu-west-1", endpoint_url=f"http://127.0.0.1:{port}", config=config)


def code_of(call: Callable[[], object]) -> tuple[str, int]:
    """Return code and status of the error that a call ends in."""
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_botocore_client_is_served(lab: tuple[Region, int]) -> None:
    """Answers, modeled errors and the facts of the lab reach an unmodified client."""
    world, port = lab
    with closing(client(port, "ecs")) as one, closing(client(port, "elbv2")) as two:
        made = one.create_cluster(clusterName="demo")
        assert made["cluster"] == {"clusterName": "demo", "status": "ACTIVE"}
        assert made["ResponseMetadata"]["HTTPHeaders"]["x-teal-lab-time-scale"] == "0.1"
        assert made["ResponseMetadata"]["RequestId"]
        with pytest.raises(two.exceptions.RuleNotFoundException, match="not found <&>"):
            two.modify_rule(RuleArn="r")
        assert two.describe_target_health(TargetGroupArn="g")["TargetHealthDescriptions"] == []
        assert code_of(lambda: one.create_service(serviceName="x", launchType="MOON"))[0] == "InvalidParameterException"
    assert ("ecs", "CreateCluster") in world.calls


@pytest.mark.parametrize(
    ("service", "operation"), [("s3", "list_buckets"), ("cloudwatch", "describe_alarms"), ("lambda", "list_functions")]
)
def test_what_is_not_simulated_is_said_once(lab: tuple[Region, int], service: str, operation: str) -> None:
    """A client of any service and protocol reads `NotSimulated` and does not retry."""
    with closing(client(lab[1], service)) as one:
        assert code_of(getattr(one, operation)) == ("NotSimulated", 501)


def ask(port: int, method: str, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Ask for a page."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        assert answer.headers["x-teal-lab-low-port-offset"] == "8000"
        return answer.status, answer.read()


PAGES: list[tuple[str, str, dict[str, str], int, bytes]] = [
    ("GET", "/v4/abc/task", {}, 200, b'"Revision":"41"'),
    ("GET", "/v4/abc-1/task", {}, 200, b'"Revision":"41"'),
    ("GET", "/v4/abc", {}, 200, b'{"Name":"web"}'),
    ("GET", "/v4/abc-1", {}, 200, b'{"Name":"log"}'),
    ("GET", "/v4/abc-2", {}, 404, b"nothing"),
    ("GET", "/v4/xyz/task", {}, 404, b"nothing"),
    ("GET", "/_teal/status", {}, 200, b'{"tasks":3}'),
    ("GET", "/_teal/events?since=1", {}, 200, b'"next":2'),
    ("GET", "/_teal/events?since=x", {}, 200, b"event 0"),
    ("GET", "/_teal/faults", {}, 200, b'{"faults":[{"number":1}]}'),
    ("POST", "/_teal/break", {}, 403, b"token"),
    ("POST", "/_teal/break", TOKEN, 400, b'"hint":"there are some"'),
    ("POST", "/_teal/mend", TOKEN, 200, b'{"faults":[{"number":1}]}'),
    ("POST", "/_teal/snapshot", TOKEN, 200, b"file"),
    ("POST", "/_teal/restore", TOKEN, 200, b'{"bytes":0}'),
    ("POST", "/_teal/tea", TOKEN, 404, b"nothing"),
    ("POST", "/_teal/down", {}, 403, b"token"),
    ("POST", "/_teal/down", {"x-teal-lab-token": "wrong"}, 403, b"token"),
    ("POST", "/_teal/down", TOKEN, 202, b"going down"),
    ("PUT", "/_teal/status", {}, 404, b"nothing"),
    ("GET", "/_teal/status", {"Host": "evil.example"}, 403, b"loopback only"),
    ("POST", "/", {"Content-Length": "9" * 30}, 413, b"Content-Length"),
    ("POST", "/", {"Transfer-Encoding": "chunked", "Content-Length": "0"}, 413, b"Content-Length"),
    ("GET", "/index.html", {}, 403, b"MissingAuthenticationToken"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status", "part"), PAGES)
def test_pages(
    lab: tuple[Region, int], method: str, path: str, headers: dict[str, str], status: int, part: bytes
) -> None:
    """The lab's own pages answer those who may ask."""
    found, body = ask(lab[1], method, path, headers)
    assert (found, part in body) == (status, True), body


def test_a_taken_port_is_named(lab: tuple[Region, int]) -> None:
    """Who cannot listen learns whom to ask and which flag helps."""
    with pytest.raises(LabError, match=str(lab[1])) as error:
        Door(port=lab[1], answer=lambda _: Reply(status=200, content_type="", body=b""), headers={})
    assert "lsof" in error.value.hint
    assert "--port" in error.value.hint


def test_connections_are_kept(lab: tuple[Region, int]) -> None:
    """Many requests go through one connection."""
    with closing(HTTPConnection("127.0.0.1", lab[1], timeout=5)) as connection:
        for _ in range(20):
            connection.request("GET", "/_teal/status")
            assert connection.getresponse().read() == b'{"tasks":3}'


def test_an_open_connection_takes_little_memory(lab: tuple[Region, int]) -> None:
    """Clients keep connections open for long and by the dozen: one that waits holds less than 32 kB."""
    with ExitStack() as kept:
        tracemalloc.start()
        kept.callback(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            connection = kept.enter_context(closing(HTTPConnection("127.0.0.1", lab[1], timeout=5)))
            connection.request("GET", "/_teal/status")
            assert connection.getresponse().read() == b'{"tasks":3}'
        now, _ = tracemalloc.get_traced_memory()
    assert (now - before) / 20 < 32_000
