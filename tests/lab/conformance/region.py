"""Regions to ask: the lab behind its HTTP front, and moto as a second opinion, in a process of its own.

Clients do not validate: the server is what refuses.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol
from urllib.request import Request, urlopen

import jmespath  # type: ignore[import-untyped]  # it ships no types
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from aws.lab import LabCaller
from lab.conformance.row import Json, Row, Step, resolved
from lab.conformance.scene import SCENE
from moto_server import moto
from teal.lab.front import Catalogue, Door, Front
from teal.lab.world.ground import Answer, Params

NAME = "eu-west-1"
ACCEPTED = ""
NO_SCENE = "no scene"
BREAKS = "breaks"
_START_S = 3  # after which a task runs
_ANSWER_S = 60
_BROKEN = (BotoCoreError, ResponseParserError)  # an answer that no client can read


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a region made of an input: AWS's code for its refusal, or one of ACCEPTED, NO_SCENE, BREAKS."""

    code: str
    message: str = ""


class Region(Protocol):
    """A region that can be emptied, furnished and asked."""

    names: dict[str, str]

    def begin(self) -> None:
        """Forget everything, and know the names of what is there from the start."""
        ...

    def furnish(self, service: str, operation: str, params: Json) -> Json:
        """Perform a call that sets the scene, and let the region come to rest."""
        ...

    def ask(self, service: str, operation: str, params: Json) -> None:
        """Send a call over HTTP; raises what botocore raises."""
        ...


def tried(region: Region, row: Row, *, spoiled: bool) -> Outcome:
    """Set the scene of a row and send its input: the wrong one in the spoiled scene, else the right one."""
    try:
        set_scene(region, row, spoiled=spoiled)
    except (ClientError, *_BROKEN) as error:
        return Outcome(code=NO_SCENE, message=str(error))
    return sent(region, row, row.wrong if spoiled or row.right is None else row.right)


def set_scene(region: Region, row: Row, *, spoiled: bool) -> None:
    """Begin anew and play every step up to the input itself."""
    region.begin()
    for step in (*SCENE, *row.before, *(row.spoiled if spoiled else ())):
        _play(region, step)


def sent(region: Region, row: Row, params: Json) -> Outcome:
    """Send the input of a row."""
    service, operation = row.call.split()
    try:
        region.ask(service, operation, resolved(params, region.names))
    except ClientError as error:
        said = error.response["Error"]
        broken = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 and said["Code"] != "NotSimulated"
        return Outcome(code=BREAKS if broken else said["Code"], message=said["Message"])
    except _BROKEN as error:
        return Outcome(code=BREAKS, message=str(error))
    return Outcome(code=ACCEPTED)


def _play(region: Region, step: Step) -> None:
    service, operation = step.call.split()
    made = region.furnish(service, operation, resolved(step.params, region.names))
    if step.name:
        region.names[step.name] = str(jmespath.search(step.at, made))


class _Clients:
    """Clients of one endpoint that send whatever they are given."""

    def __init__(self, url: str) -> None:
        self._session = Session()
        self._url = url
        self._made: dict[str, Any] = {}

    def call(self, service: str, operation: str, params: Json) -> Json:
        """Call, and return the answer."""
        if service not in self._made:
            self._made[service] = self._session.create_client(
                service,
                region_name=NAME,
                endpoint_url=self._url,
                aws_access_key_id="lab",
                aws_secret_access_key="lab",  # noqa: S106 - no secret: nobody checks it
                config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=_ANSWER_S),
            )
        made: Json = self._made[service]._make_api_call(operation, params)
        return made


@dataclass(slots=True)
class LabRegion:
    """The lab's world behind its HTTP front. Furnished in memory, asked over HTTP; its clock moves when told."""

    clients: _Clients | None = None
    names: dict[str, str] = field(default_factory=dict[str, str])
    inside: LabCaller = field(default_factory=LabCaller)

    def call(self, service: str, operation: str, params: Params, now_s: float) -> Answer:
        """Answer as the world of the moment."""
        return self.inside.world.call(service, operation, params, now_s)

    def begin(self) -> None:
        """Begin with an empty world."""
        self.inside = LabCaller()
        self.names = {
            "vpc": "vpc-lab",
            "subnet-a": "subnet-a",
            "subnet-b": "subnet-b",
            "security-group": "sg-lab",
            "address": "10.7.0.10",
            "certificate": f"arn:aws:acm:{NAME}:000000000000:certificate/1",
        }

    def furnish(self, service: str, operation: str, params: Json) -> Json:
        """Perform a call in memory, and let tasks start."""
        made = self.inside.call(service, operation, params)
        self.inside.let_pass(_START_S if service == "ecs" else 0)
        return made

    def ask(self, service: str, operation: str, params: Json) -> None:
        """Call over HTTP."""
        assert self.clients is not None
        self.clients.call(service, operation, params)


@contextmanager
def lab_region() -> Iterator[LabRegion]:
    """Open the lab's front on a free port."""
    made = LabRegion()
    front = Front(world=made, lock=Lock(), clock=lambda: made.inside.now_s, wake=lambda: None, catalogue=Catalogue())
    door = Door(port=0, answer=front.reply, headers={})
    door.open()
    made.clients = _Clients(f"http://127.0.0.1:{door.port}")
    try:
        yield made
    finally:
        door.close()


@dataclass(slots=True)
class MotoRegion:
    """A moto server: one network and a certificate in it, everything else as the rows make it."""

    url: str
    clients: _Clients
    names: dict[str, str] = field(default_factory=dict[str, str])

    def begin(self) -> None:
        """Reset the server, and read the names of the network that it begins with."""
        with urlopen(Request(f"{self.url}/moto-api/reset", method="POST"), timeout=_ANSWER_S):  # noqa: S310 - loopback
            pass
        subnets: list[Mapping[str, str]] = self.clients.call("ec2", "DescribeSubnets", {})["Subnets"]
        groups: list[Mapping[str, str]] = self.clients.call("ec2", "DescribeSecurityGroups", {})["SecurityGroups"]
        certificate = self.clients.call("acm", "RequestCertificate", {"DomainName": "shop.example"})
        self.names = {
            "vpc": subnets[0]["VpcId"],
            "subnet-a": subnets[0]["SubnetId"],
            "subnet-b": subnets[1]["SubnetId"],
            "security-group": groups[0]["GroupId"],
            "address": "172.31.0.10",
            "certificate": certificate["CertificateArn"],
        }

    def furnish(self, service: str, operation: str, params: Json) -> Json:
        """Perform a call."""
        return self.clients.call(service, operation, params)

    def ask(self, service: str, operation: str, params: Json) -> None:
        """Perform a call."""
        self.clients.call(service, operation, params)


@contextmanager
def moto_region() -> Iterator[MotoRegion]:
    """Start moto in a process of its own."""
    with moto() as url:
        yield MotoRegion(url=url, clients=_Clients(url))
