"""What a lab costs: memory of its processes, and how long its API takes to answer.

One lab with services behind one load balancer, asked over HTTP while everything in it runs: by a plain HTTP client,
which shows the lab's own share and has the bar, and by an unmodified botocore, which adds its own.

    python benchmarks/lab_budgets.py --services 4 --tasks 5 --calls 200

Prints one JSON object, every figure beside its bar; exit 0 only when all figures keep to their bars.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any
from urllib.parse import urlencode

import psutil
import urllib3
from botocore.session import Session

from teal.lab import control
from teal.lab.control import LabOptions, LabStatus

TIME_SCALE = 0.02
LAB_MIB, ENVOY_MIB, CALL_MS = 150.0, 100.0, 5.0
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}}
PORT = 8080
OK = 200
_STEADY_S = 120.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure, and its bar where it has one."""

    name: str
    value: float
    unit: str
    bar: float | None = None


class Scene:
    """A lab with services behind one load balancer."""

    def __init__(self, lab: LabStatus) -> None:
        self._lab = lab
        self.ecs, self.elbv2 = self._client("ecs"), self._client("elbv2")
        self.groups: list[str] = []
        self.services: list[str] = []
        self.rule = ""

    def _client(self, service: str) -> Any:  # noqa: ANN401 - botocore ships no types
        given = control.environment(self._lab)
        session = Session()
        session.set_credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
        return session.create_client(service, given["AWS_REGION"], endpoint_url=given["AWS_ENDPOINT_URL"])

    def build(self, services: int, tasks: int) -> None:
        """Make everything, and wait until all tasks are in service."""
        self.ecs.create_cluster(clusterName="demo")
        self._define()
        made = self.elbv2.create_load_balancer(Name="shop", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]
        default = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        listener = self.elbv2.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=default
        )["Listeners"][0]["ListenerArn"]
        for number in range(services):
            self._serve(number, tasks, listener)
        self._wait_steady()

    def _define(self) -> None:
        container = {"name": "web", "image": "lab/sample:1", "portMappings": [{"containerPort": PORT}]}
        self.ecs.register_task_definition(
            family="web",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )

    def _serve(self, number: int, tasks: int, listener: str) -> None:
        name = f"web-{number}"
        group = self.elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=PORT, VpcId="vpc-lab", TargetType="ip", HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        rule = self.elbv2.create_rule(
            ListenerArn=listener,
            Priority=number + 1,
            Conditions=[{"Field": "path-pattern", "Values": [f"/{name}/*"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        self.rule = rule["Rules"][0]["RuleArn"]
        self.ecs.create_service(
            cluster="demo",
            serviceName=name,
            taskDefinition="web",
            desiredCount=tasks,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": PORT}],
        )
        self.groups.append(group)
        self.services.append(name)

    def _wait_steady(self) -> None:
        deadline_s = time.monotonic() + _STEADY_S
        while not self._steady():
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the services are not steady after {_STEADY_S:g} s")
            Event().wait(0.2)

    def _steady(self) -> bool:
        described = (
            self.ecs.describe_services(cluster="demo", services=[name])["services"][0] for name in self.services
        )
        return all(each["deployments"][0]["rolloutState"] == "COMPLETED" for each in described)

    def calls(self) -> Mapping[str, Callable[[], object]]:
        """Return the calls that are timed: those that a deployment makes most."""
        actions = [{"Type": "forward", "TargetGroupArn": self.groups[-1]}]
        tasks = self.ecs.list_tasks(cluster="demo", serviceName=self.services[0])["taskArns"]
        return {
            "DescribeServices": lambda: self.ecs.describe_services(cluster="demo", services=self.services[:2]),
            "DescribeTasks": lambda: self.ecs.describe_tasks(cluster="demo", tasks=tasks),
            "DescribeTargetHealth": lambda: self.elbv2.describe_target_health(TargetGroupArn=self.groups[0]),
            "DescribeRules": lambda: self.elbv2.describe_rules(RuleArns=[self.rule]),
            "ModifyRule": lambda: self.elbv2.modify_rule(RuleArn=self.rule, Actions=actions),
        }


class Wire:
    """The same calls over one kept connection, without an SDK."""

    def __init__(self, lab: LabStatus, scene: Scene) -> None:
        self._pool = urllib3.connection_from_url(control.environment(lab)["AWS_ENDPOINT_URL"], maxsize=1)
        self._scene = scene

    def _post(self, service: str, body: str, headers: Mapping[str, str]) -> None:
        scope = f"lab/20260101/eu-west-1/{service}/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        answer = self._pool.request("POST", "/", body=body, headers={**headers, "Authorization": signed})
        if answer.status != OK:
            raise ValueError(f"{service} answered {answer.status}: {answer.data[:200]!r}")

    def _json(self, operation: str, body: object) -> None:
        target = f"AmazonEC2ContainerServiceV20141113.{operation}"
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        self._post("ecs", json.dumps(body), headers)

    def _query(self, operation: str, **members: str) -> None:
        body = urlencode({"Action": operation, "Version": "2015-12-01", **members})
        self._post("elasticloadbalancing", body, {"Content-Type": "application/x-www-form-urlencoded"})

    def calls(self) -> Mapping[str, Callable[[], object]]:
        """Return the calls that are timed."""
        scene, action = self._scene, "Actions.member.1."
        flip = {f"{action}Type": "forward", f"{action}TargetGroupArn": scene.groups[-1], "RuleArn": scene.rule}
        two = {"cluster": "demo", "services": scene.services[:2]}
        return {
            "DescribeServices": lambda: self._json("DescribeServices", two),
            "DescribeTargetHealth": lambda: self._query("DescribeTargetHealth", TargetGroupArn=scene.groups[0]),
            "DescribeRules": lambda: self._query("DescribeRules", **{"RuleArns.member.1": scene.rule}),
            "ModifyRule": lambda: self._query("ModifyRule", **flip),
        }


def memory(lab: LabStatus) -> list[Figure]:
    """Return the resident memory of the lab's own process and of its largest Envoy."""
    daemon = psutil.Process(lab.pid)
    envoys = [child.memory_info().rss for child in daemon.children(recursive=True) if "envoy" in child.name()]
    found = (("the lab's process", daemon.memory_info().rss, LAB_MIB), ("the largest Envoy", max(envoys), ENVOY_MIB))
    return [Figure(name=name, value=round(rss / _MIB, 1), bar=bar, unit="MiB") for name, rss, bar in found]


def latencies(by: str, calls: Mapping[str, Callable[[], object]], times: int, bar: float | None) -> list[Figure]:
    """Return the median time of each call and of all, sent as fast as answers come."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(times):
        for name, call in calls.items():
            began_s = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - began_s) * 1000)
    every = Figure(name=f"a call by {by}, median", value=_median_ms(*taken.values()), unit="ms", bar=bar)
    return [every, *(Figure(name=f"{name} by {by}", value=_median_ms(each), unit="ms") for name, each in taken.items())]


def _median_ms(*taken: list[float]) -> float:
    return round(median(value for each in taken for value in each), 2)


def measure(root: Path, services: int, tasks: int, calls: int) -> list[Figure]:
    """Bring a lab up, measure it, end it."""
    lab = control.up(LabOptions(root=root, name="budgets", port=0, time_scale=TIME_SCALE))
    try:
        scene = Scene(lab)
        scene.build(services, tasks)
        plain = latencies("plain HTTP", Wire(lab, scene).calls(), calls, CALL_MS)
        return [*plain, *latencies("botocore", scene.calls(), calls, None), *memory(lab)]
    finally:
        control.down(root, "budgets")


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--services", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=5, help="of each service")
    parser.add_argument("--calls", type=int, default=200, help="of each operation")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="teal-budgets-") as folder:
        figures = measure(Path(folder), given.services, given.tasks, given.calls)
    kept = all(each.bar is None or each.value <= each.bar for each in figures)
    print(json.dumps({"world": "lab", "kept": kept, "figures": [asdict(each) for each in figures]}, indent=2))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
