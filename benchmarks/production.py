"""Production to measure on: one lab, one app of two slots, steady traffic, and teal's own commands.

Everything is teal's code against the lab's API; only AWS's delays and the holds are shortened, by the time scale.
"""

import json
import os
import signal
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any

from teal.app.facade import App, Options, open_app
from teal.app.rehearsal import Rehearsal, rehearsal
from teal.app.traffic import Traffic
from teal.host.clock import SystemClock
from teal.model.event import RunEnded, StepEnded
from teal.model.run import Intent
from teal.model.step import WriteRoute

TIME_SCALE = 0.005
STARTED_S = 30.0
APP = """
app: shop
region: eu-west-1
cluster: shop
task_definition: taskdef.json
service: service.json
slots:
  a:
    service: shop-a
    target_groups:
      - name: shop-a
        container: web
        port: 8080
        create: &group
          # At this time scale one second, half a second, and ten seconds until a task that starts counts as sick.
          health_check: {path: /health, interval: 200s, timeout: 100s, healthy: 2, unhealthy: 10}
          deregistration_delay: 1600s  # 8 s: longer than the longest request
  b: {service: shop-b, target_groups: [{name: shop-b, container: web, port: 8080, create: *group}]}
routes:
  - {load_balancer: shop, listener: 80, create: {priority: 20, conditions: {path: ["/*"]}}}
deploy: {shift: [10% for 1m, 50% for 1m, 100%], bake: 1m}
identity: {header: X-Revision}
"""


@dataclass(slots=True)
class Production:
    """The app, and what was counted of it. `problems` are commands that did not end as they should."""

    stage: Rehearsal
    clock: SystemClock = field(default_factory=SystemClock)
    problems: list[str] = field(default_factory=list[str])
    counted: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _steady: Traffic | None = None

    @property
    def lab_pid(self) -> int:
        """The lab's own process; all its other processes are children of it."""
        found = self.stage.labs.status(self.stage.name)
        return int(found["pid"]) if found else 0

    def app(self, **variables: str) -> App:
        """Open the app anew, as a new process would."""
        options = Options(config=self.stage.directory / "teal.yaml", endpoint_url=self.stage.endpoint_url)
        return open_app(options, {**self.stage.environ, **variables}, self.clock)

    def run(self, intent: Intent, **variables: str) -> tuple[RunEnded, float]:
        """Run a command; return how it ended, and after how many seconds its last forward write was accepted."""
        name, began_s = type(intent).__name__, self.clock.now_s()
        events = list(self.app(**variables).run(intent, command=name.lower(), approve=lambda _plan, _seen: True))
        ended = events[-1]
        assert isinstance(ended, RunEnded)  # noqa: S101 - the last event of every run
        if ended.exit_code != 0:
            self.problems.append(f"{name} ended with {ended.exit_code}: {ended.message}")
        if self._steady is not None and not self._steady.alive:
            self.problems.append(f"the load client had ended when {name} ended")
        writes = [e for e in events if isinstance(e, StepEnded) and isinstance(e.step, WriteRoute)]
        return ended, (writes[-1].at_s - began_s) if writes else 0.0

    @contextmanager
    def traffic(self, rate_per_s: int, longest_s: float, slow_per_s: float = 1.0) -> Generator[Traffic]:
        """Keep requests coming meanwhile: plain ones, and one of 5 s each second. The counts are there afterwards."""
        steady = Traffic(self.stage.url, rate_per_s=rate_per_s, duration_s=int(longest_s), slow_per_s=slow_per_s)
        self._steady = steady
        try:
            deadline_s = self.clock.now_s() + STARTED_S
            while not steady.counted and self.clock.now_s() < deadline_s:
                self.clock.sleep(0.1)
            yield steady
            self.counted = steady.stop()
        finally:
            self._steady = None
            steady.kill()

    @property
    def failed(self) -> int:
        """How many requests were not answered; all that were sent where nothing was counted to the end."""
        return int(self.counted.get("failed", 1))


@contextmanager
def clean_end() -> Generator[None]:
    """Let SIGTERM end the body as Ctrl-C does: with all that it started."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def production(app: str = APP, **environment: str) -> Generator[Production]:
    """Start a lab with the app; its tasks are told `environment`."""
    with clean_end(), tempfile.TemporaryDirectory(prefix="teal-bench-") as name:
        _describe(Path(name), app, environment)
        with rehearsal(Path(name), os.environ, name=f"bench-{os.getpid()}", time_scale=TIME_SCALE) as stage:
            os.environ.update(stage.environ)  # botocore reads credentials from this process
            shop = Production(stage=stage)
            yield shop
            shop.clock.close()


def _describe(directory: Path, app: str, environment: Mapping[str, str]) -> None:
    """Write the app, and the demo's task definition with some more of environment."""
    (directory / "teal.yaml").write_text(app, "utf-8")
    definition = json.loads((files("teal.app") / "shop" / "taskdef.json").read_text("utf-8"))
    told: list[dict[str, str]] = definition["containerDefinitions"][0]["environment"]
    told += [{"name": name, "value": value} for name, value in environment.items()]
    (directory / "taskdef.json").write_text(json.dumps(definition), "utf-8")


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
