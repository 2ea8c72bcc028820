"""A folder with a small, good configuration, to be spoiled in one place at a time: see `tests/config`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from teal.config.source import load
from teal.errors import ConfigError
from teal.model.spec import Spec

GOOD = """\
app: shop
region: eu-west-1
cluster: prod
task_definition: taskdef.json
service: service.json
slots:
  a: {service: shop-a, target_groups: [{name: shop-a, container: web, port: 8080}]}
  b: {service: shop-b, target_groups: [{name: shop-b, container: web, port: 8080}]}
routes:
  - {load_balancer: shop, listener: 443, priority: 20}
"""
TASK: dict[str, Any] = {
    "family": "shop",
    "cpu": "256",
    "containerDefinitions": [
        {
            "name": "web",
            "image": "shop:1",
            "cpu": 128,
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "VERSION", "value": "1"}],
        }
    ],
}
SERVICE: dict[str, Any] = {"desiredCount": 2, "launchType": "FARGATE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder with the three files."""

    path: Path

    def write(self, *, text: str = GOOD, task: object = None, service: object = None) -> None:
        """Write the files; a task definition or service that is a text is written as it is."""
        (self.path / "teal.yaml").write_text(text, "utf-8")
        for name, body, good in (("taskdef", task, TASK), ("service", service, SERVICE)):
            content = body if isinstance(body, str) else json.dumps(good if body is None else body)
            (self.path / f"{name}.json").write_text(content, "utf-8")

    def load(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        images: Mapping[str, str] | None = None,
        sets: tuple[tuple[str, str], ...] = (),
    ) -> Spec:
        """Load the configuration."""
        return load(None, environ=environ or {}, images=images or {}, sets=sets, directory=self.path)

    def mistakes(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        images: Mapping[str, str] | None = None,
        sets: tuple[tuple[str, str], ...] = (),
    ) -> list[str]:
        """Return the mistakes that loading names, file names without their directory."""
        with pytest.raises(ConfigError) as caught:
            self.load(environ=environ, images=images, sets=sets)
        return [line.replace(f"{self.path}/", "") for line in caught.value.mistakes]
