"""The documentation of the lab against the lab: the operations it names are those that are simulated."""

import re
from pathlib import Path

import pytest

from teal.lab.front import Catalogue
from teal.lab.world.ground import Ground
from teal.lab.world.wires import AwsRefusal
from teal.lab.world.world import World

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lab.md"
ROW = re.compile(r"^\| [A-Z][\w ]+ \(`([a-z0-9-]+)`\) \| (.+) \|$", re.MULTILINE)


def documented() -> dict[str, set[str]]:
    """Return the operations that the page names, by service."""
    return {service: set(re.findall(r"`([A-Z]\w+)`", cell)) for service, cell in ROW.findall(PAGE.read_text("utf-8"))}


def refuses(service: str, operation: str) -> bool:
    """Say whether the lab does not simulate an operation; a call without parameters that breaks is one it has."""
    try:
        World(Ground(), 0.0).call(service, operation, {"ServiceNamespace": "ecs"}, 0.0)
    except AwsRefusal as refusal:
        return refusal.message == f"teal's lab does not simulate {service} {operation}"
    except LookupError:
        return False
    return False


@pytest.mark.parametrize("service", ["ecs", "elbv2", "logs", "application-autoscaling", "ec2", "sts"])
def test_the_page_names_what_is_simulated(service: str) -> None:
    """Of all operations that a service has on AWS, the page names those that the lab has."""
    model = Catalogue().service(service)
    assert model is not None
    assert documented().get(service) == {name for name in model.operation_names() if not refuses(service, name)}
