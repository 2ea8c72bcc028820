"""What a lab costs: memory of its processes, and how long its API takes to answer.

One lab with services behind one load balancer, asked over HTTP while everything in it runs: by a plain HTTP client,
which shows the lab's own share and has the bar, and by an unmodified botocore, which adds its own.

    python -m benchmarks.lab_budgets --services 4 --tasks 5 --calls 200

Prints one JSON object, every figure beside its bar; exit 0 only when all figures keep to their bars.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import urllib3
from benchmarks.figures import Figure, report
from benchmarks.lab_memory import MIB, processes
from benchmarks.lab_scene import Scene

from teal.lab import control
from teal.lab.control import LabOptions, LabStatus

TIME_SCALE = 0.02
LAB_MIB, ENVOY_MIB, CALL_MS = 150.0, 100.0, 5.0
OK = 200


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
    found = {name: process.memory_info().rss / MIB for name, process in processes(lab.pid)}
    largest = max(mib for name, mib in found.items() if name.startswith("Envoy"))
    told = (("the lab's process", found["the lab's process"], LAB_MIB), ("the largest Envoy", largest, ENVOY_MIB))
    return [Figure(name=name, value=round(mib, 1), bar=bar, unit="MiB") for name, mib, bar in told]


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
        scene = Scene(control.environment(lab))
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
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
