"""What the lab's load balancer costs: requests per second through it, beside Envoy bare under the same rules.

A lab with two services behind one listener of five rules, and as many bare Envoys as the lab has nodes, statically
configured with the same rules, weights and targets. The same client asks both in turn, round by round, on the same
machine at the same time; the app answers at once, so that the balancer is what is measured.

    python -m benchmarks.lab_throughput --rounds 40 --seconds 0.5

Prints one JSON object; exit 0 only when the ratio of all requests answered keeps to its bar. Rounds are short and many,
and the sides take turns at going first, so that what else this machine does weighs on both alike.
"""

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

import psutil
from benchmarks import plain_app
from botocore.session import Session

from teal.lab import control
from teal.lab.control import LabOptions, LabStatus
from teal.lab.proxy import find_envoy

RATIO = 0.9
NODES = 2
TASKS = 2
GROUPS = ("blue", "green")
PORT = 8080
RULES: tuple[tuple[str, str], ...] = (  # header → value of the rules that the requests do not meet, but pass by
    ("x-taste", "green"),
    ("x-taste", "blue"),
    ("x-canary", "yes"),
)
_CONNECTIONS = 64
_STEADY_S = 60.0
_MOST_BYTES = 65536
_TYPE = "type.googleapis.com/envoy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round on one side."""

    requests_per_s: float
    envoy_us: float  # processor time of the Envoys for one request


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Something to ask, and the Envoys behind it."""

    name: str
    address: tuple[str, int]
    envoys: tuple[psutil.Process, ...]

    def busy_s(self) -> float:
        """Return the processor time that the Envoys have used."""
        return sum(sum(envoy.cpu_times()[:2]) for envoy in self.envoys)


def ask(side: Side, seconds: float) -> Round:
    """Ask as fast as answers come, on many connections, for a while."""
    request = f"GET /shop HTTP/1.1\r\nHost: {side.address[0]}\r\n\r\n".encode()
    with ExitStack() as stack:
        waiting = stack.enter_context(selectors.DefaultSelector())
        for _ in range(_CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(side.address, 10))
            waiting.register(connection, selectors.EVENT_READ, connection)
            connection.sendall(request)
        answered, busy_s, began_s = 0, side.busy_s(), time.perf_counter()
        while (took_s := time.perf_counter() - began_s) < seconds:
            for key, _ in waiting.select(1.0):
                _check(key.data.recv(_MOST_BYTES))
                key.data.sendall(request)
                answered += 1
        return Round(requests_per_s=answered / took_s, envoy_us=(side.busy_s() - busy_s) / answered * 1e6)


def _check(answer: bytes) -> None:
    """Refuse anything but a whole answer of the app: a balancer that fails fast would win."""
    if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b"hello"):
        raise ValueError(f"not the app's answer: {answer[:200]!r}")


class Scene:
    """The services of the lab."""

    def __init__(self, lab: LabStatus) -> None:
        given = control.environment(lab)
        session = Session()
        session.set_credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
        url, region = given["AWS_ENDPOINT_URL"], given["AWS_REGION"]
        self._ecs: Any = session.create_client("ecs", region, endpoint_url=url)
        self._elbv2: Any = session.create_client("elbv2", region, endpoint_url=url)
        self.dials: dict[str, list[str]] = {}

    def build(self) -> str:
        """Make everything, wait until all targets are healthy, and return the address of the load balancer."""
        self._ecs.create_cluster(clusterName="demo")
        container = {"name": "web", "image": "plain", "portMappings": [{"containerPort": PORT}]}
        fargate = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
        self._ecs.register_task_definition(family="web", containerDefinitions=[container], **fargate)
        made = self._elbv2.create_load_balancer(Name="shop", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]
        groups = {name: self._group(name) for name in GROUPS}
        self._listen(made["LoadBalancerArn"], groups)
        for name, arn in groups.items():
            self._serve(name, arn)
        deadline_s = time.monotonic() + _STEADY_S
        while not all(self._healthy(name, arn) for name, arn in groups.items()):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the targets are not healthy after {_STEADY_S:g} s")
            Event().wait(0.2)
        return str(made["DNSName"])

    def _group(self, name: str) -> str:
        made = self._elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=PORT, VpcId="vpc-lab", TargetType="ip", HealthCheckIntervalSeconds=30
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def _listen(self, balancer: str, groups: Mapping[str, str]) -> None:
        weighted = [{"TargetGroupArn": arn, "Weight": 50} for arn in groups.values()]
        forward = [{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}]
        nothing = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        listener = self._elbv2.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=PORT, DefaultActions=nothing
        )["Listeners"][0]["ListenerArn"]
        for number, (header, value) in enumerate(RULES, 1):
            config = {"HttpHeaderName": header, "Values": [value]}
            self._rule(listener, number, {"Field": "http-header", "HttpHeaderConfig": config}, forward)
        self._rule(listener, 50, {"Field": "path-pattern", "Values": ["/shop*"]}, forward)

    def _rule(self, listener: str, priority: int, condition: Mapping[str, Any], actions: Sequence[Any]) -> None:
        self._elbv2.create_rule(ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=actions)

    def _serve(self, name: str, group: str) -> None:
        self._ecs.create_service(
            cluster="demo",
            serviceName=name,
            taskDefinition="web",
            desiredCount=TASKS,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}},
            loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": PORT}],
        )

    def _healthy(self, name: str, arn: str) -> bool:
        found = self._elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        self.dials[name] = [each["Target"]["Id"].replace("10.", "127.", 1) for each in found]
        return [each["TargetHealth"]["State"] for each in found] == ["healthy"] * TASKS


@contextmanager
def lab(root: Path) -> Generator[tuple[Side, Mapping[str, list[str]]]]:
    """Bring a lab up, with the scene in it; give its load balancer, and where its targets are."""
    command = ["{python}", plain_app.__file__, "{host}", "{port}"]
    config = root / "lab.yaml"
    config.write_text(json.dumps({"images": {"plain": command}, "nodes": NODES, "time_scale": 0.1}))
    status = control.up(LabOptions(root=root / "labs", name="throughput", port=0, config=config))
    try:
        scene = Scene(status)
        host = scene.build()
        family = psutil.Process(status.pid).children(recursive=True)
        envoys = tuple(each for each in family if "envoy" in each.name())
        yield Side(name="lab", address=(host, PORT), envoys=envoys), scene.dials
    finally:
        control.down(root / "labs", "throughput")


def bare_config(address: tuple[str, int], dials: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the same for Envoy alone: what the lab adds is left out, and what it leaves out is left out here too."""
    router = {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True}
    manager = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bare",
        "use_remote_address": True,
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": _bare_routes()}]},
        "http_filters": [{"name": "router", "typed_config": router}],
    }
    listener = {
        "name": "bare",
        "address": _socket_address(*address),
        "enable_reuse_port": True,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    clusters = [
        {
            "name": name,
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [
                    {"lb_endpoints": [{"endpoint": {"address": _socket_address(host, PORT)}} for host in hosts]}
                ],
            },
        }
        for name, hosts in dials.items()
    ]
    no_stats = {"stats_matcher": {"reject_all": True}}
    return {"static_resources": {"listeners": [listener], "clusters": clusters}, "stats_config": no_stats}


def _bare_routes() -> list[dict[str, Any]]:
    weighted = {"weighted_clusters": {"clusters": [{"name": name, "weight": 50} for name in GROUPS]}, "timeout": "0s"}
    by_header = [
        {
            "match": {"prefix": "/", "headers": [{"name": name, "string_match": {"exact": value}}]},
            "route": weighted,
        }
        for name, value in RULES
    ]
    nothing = {"match": {"prefix": "/"}, "direct_response": {"status": 404}}
    return [*by_header, {"match": {"prefix": "/shop"}, "route": weighted}, nothing]


def _socket_address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


@contextmanager
def bare(root: Path, environ: Mapping[str, str], dials: Mapping[str, list[str]]) -> Generator[Side]:
    """Run as many Envoys as the lab has nodes on one port, without a lab."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address: tuple[str, int] = probe.getsockname()
    config = root / "bare.json"
    config.write_text(json.dumps(bare_config(address, dials)))
    command = [
        str(find_envoy(environ)),
        "-c",
        str(config),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]
    with ExitStack() as stack:
        # In sessions of their own, as the lab's are: Linux shares its processors between sessions first.
        nodes = [
            stack.enter_context(subprocess.Popen(command, start_new_session=True))  # noqa: S603 - every word is ours
            for _ in range(NODES)
        ]
        for node in nodes:
            stack.callback(node.terminate)
        deadline_s = time.monotonic() + _STEADY_S
        while not _open(address):
            if time.monotonic() > deadline_s:
                raise TimeoutError("the bare Envoys do not listen")
            Event().wait(0.1)
        Event().wait(1.0)  # the second one listens on the same port: nobody can tell when
        yield Side(name="bare", address=address, envoys=tuple(psutil.Process(node.pid) for node in nodes))


def _open(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def measure(root: Path, environ: Mapping[str, str], rounds: int, seconds: float) -> list[tuple[Round, Round]]:
    """Return (bare, lab) of every round; which side comes first alternates."""
    with lab(root) as (through_lab, dials), bare(root, environ, dials) as alone:
        for side in (alone, through_lab):
            ask(side, 1.0)  # to warm up
        measured: list[tuple[Round, Round]] = []
        for number in range(rounds):
            order = (alone, through_lab) if number % 2 == 0 else (through_lab, alone)
            found = {side.name: ask(side, seconds) for side in order}
            measured.append((found["bare"], found["lab"]))
        return measured


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each round on each side")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="teal-throughput-") as folder:
        measured = measure(Path(folder), environ, given.rounds, given.seconds)
    sides = dict(zip(("bare", "lab"), zip(*measured, strict=True), strict=True))
    figures = {
        name: {key: round(median(asdict(each)[key] for each in taken), 1) for key in ("requests_per_s", "envoy_us")}
        for name, taken in sides.items()
    }
    ratio = sum(each.requests_per_s for each in sides["lab"]) / sum(each.requests_per_s for each in sides["bare"])
    kept = ratio >= RATIO
    print(json.dumps({"world": "lab", "kept": kept, "ratio": round(ratio, 3), "bar": RATIO, **figures}, indent=2))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
