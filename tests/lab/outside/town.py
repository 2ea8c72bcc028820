"""A town: one lab with real processes, as clients of AWS see it. Nothing here speaks to the lab's insides."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from typing import Any

from botocore.session import Session

from teal.lab import control
from teal.lab.control import LabOptions, LabStatus

BIN = Path(sys.executable).parent
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-lab"]}}
PORT = 8080  # of the sample, and where a listener on port 80 is really opened
CHECK = {
    "HealthCheckPath": "/health",
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2,
    "HealthyThresholdCount": 2,
}


def until(true: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    """Wait until something is so; fail at the deadline."""
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, f"not within {within_s:g} s: {what}"
        Event().wait(0.05)


@dataclass(slots=True, kw_only=True)
class Town:
    """A lab, its clients, and names of what was made in it."""

    lab: LabStatus
    root: Path
    arns: dict[str, str] = field(default_factory=dict[str, str])
    host: str = ""
    _clients: dict[str, Any] = field(default_factory=dict[str, Any])

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a foreign client."""
        words = {"PATH": f"{BIN}:{os.defpath}", "HOME": str(self.root), "AWS_PAGER": "", "LC_ALL": "C.UTF-8"}
        return {**words, **control.environment(self.lab)}

    def client(self, service: str) -> Any:  # noqa: ANN401 - botocore ships no types
        """Return an unmodified botocore client."""
        if service not in self._clients:
            given = control.environment(self.lab)
            session = Session()
            session.set_credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
            made = session.create_client(service, given["AWS_REGION"], endpoint_url=given["AWS_ENDPOINT_URL"])
            self._clients[service] = made
        return self._clients[service]

    def wait(self, service: str, waiter: str, **params: object) -> None:
        """Wait as botocore does, only sooner."""
        self.client(service).get_waiter(waiter).wait(**params, WaiterConfig={"Delay": 1, "MaxAttempts": 40})

    def run(self, *words: str, within_s: float = 60.0) -> "subprocess.CompletedProcess[str]":
        """Run a foreign command to its end."""
        return subprocess.run(
            words, env=self.environment(), cwd=self.root, capture_output=True, text=True, timeout=within_s, check=False
        )

    def aws(self, *words: str) -> dict[str, Any]:
        """Run the `aws` command, which must succeed; return its answer."""
        done = self.run("aws", *words, "--output", "json")
        assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}"
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
        return found

    def define(self, environment: Mapping[str, str] | None = None, **settings: object) -> str:
        """Register the next revision of `web`, with more settings of its container; return its ARN."""
        container = {
            "name": "web",
            "image": "lab/sample:1",
            "essential": True,
            "portMappings": [{"containerPort": PORT}],
            "environment": [{"name": name, "value": value} for name, value in (environment or {}).items()],
            **settings,
        }
        answer = self.client("ecs").register_task_definition(
            family="web",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def build(self, *groups: str, delay_s: int = 50) -> None:
        """Make a cluster, a load balancer, its listener on port 80, and groups; the first gets all requests."""
        balancing = self.client("elbv2")
        self.client("ecs").create_cluster(clusterName="demo")
        made = balancing.create_load_balancer(Name="shop", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]
        self.arns["shop"], self.host = made["LoadBalancerArn"], made["DNSName"]
        for name in groups:
            wanted = {"Protocol": "HTTP", "Port": PORT, "VpcId": "vpc-lab", "TargetType": "ip", **CHECK}
            group = balancing.create_target_group(Name=name, **wanted)["TargetGroups"][0]["TargetGroupArn"]
            delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(delay_s)}]
            balancing.modify_target_group_attributes(TargetGroupArn=group, Attributes=delay)
            self.arns[name] = group
        listener = balancing.create_listener(
            LoadBalancerArn=self.arns["shop"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        )
        self.arns["listener"] = listener["Listeners"][0]["ListenerArn"]
        self.arns["rule"] = self.rule(10, {"Field": "path-pattern", "Values": ["/*"]}, groups[0])
        for number, name in enumerate(groups[1:], start=1):  # so that every group is in use
            header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Taste", "Values": [name]}}
            self.rule(number, header, name)

    def rule(self, priority: int, condition: Mapping[str, Any], group: str) -> str:
        """Create a rule that forwards to a group; return its ARN."""
        rule = self.client("elbv2").create_rule(
            ListenerArn=self.arns["listener"],
            Priority=priority,
            Conditions=[condition],
            Actions=[{"Type": "forward", "TargetGroupArn": self.arns[group]}],
        )
        return str(rule["Rules"][0]["RuleArn"])

    def forward(self, **weights: int) -> None:
        """Change the rule: forward by weight."""
        groups = [{"TargetGroupArn": self.arns[name], "Weight": weight} for name, weight in weights.items()]
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
        self.client("elbv2").modify_rule(RuleArn=self.arns["rule"], Actions=actions)

    def serve(self, name: str, definition: str, count: int = 2, **settings: object) -> dict[str, Any]:
        """Create a service of the same name as its group; return it as it was at that moment."""
        created: dict[str, Any] = self.client("ecs").create_service(
            cluster="demo",
            serviceName=name,
            taskDefinition=definition,
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            loadBalancers=[{"targetGroupArn": self.arns[name], "containerName": "web", "containerPort": PORT}],
            **settings,
        )["service"]
        return created

    def stable(self, *services: str) -> None:
        """Wait until services are stable."""
        self.wait("ecs", "services_stable", cluster="demo", services=list(services))

    def look(self, service: str) -> dict[str, Any]:
        """Describe a service."""
        found: dict[str, Any] = self.client("ecs").describe_services(cluster="demo", services=[service])["services"][0]
        return found

    def tasks(self) -> list[str]:
        """Return the ARNs of all tasks that should run."""
        found: list[str] = self.client("ecs").list_tasks(cluster="demo")["taskArns"]
        return found

    def states(self, group: str) -> list[str]:
        """Return the states of all targets of a group."""
        found = self.client("elbv2").describe_target_health(TargetGroupArn=self.arns[group])
        return [each["TargetHealth"]["State"] for each in found["TargetHealthDescriptions"]]

    def ask(self, path: str = "/", *, host: str = "") -> tuple[int, str]:
        """Ask the load balancer, or another host, anew; return status and revision, (0, "") when nobody answers."""
        connection = HTTPConnection(host or self.host, PORT, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("X-Revision", "")
        except (OSError, HTTPException):
            return 0, ""
        finally:
            connection.close()

    def answers(self, count: int = 20) -> set[tuple[int, str]]:
        """Ask the load balancer several times."""
        return {self.ask() for _ in range(count)}


@contextmanager
def opened(root: Path, settings: str = "time_scale: 0.02") -> Iterator[Town]:
    """Open a town with nothing in it; `settings` is the text of its `lab.yaml`, by default a fiftieth of all delays."""
    (root / "home").mkdir()
    (root / "lab.yaml").write_text(settings)
    lab = control.up(LabOptions(root=root / "labs", port=0, config=root / "lab.yaml"))
    try:
        yield Town(lab=lab, root=root / "home")
    finally:
        control.down(root / "labs", lab.name)
