"""AWS's own bodies, as values."""

import json

from teal.config.native import read_task_definition
from teal.config.parse_json import parse_json
from teal.config.tree import Mistake


def test_what_is_nothing_in_a_list_stays_nothing() -> None:
    """A null beside a key is as if it were not there; in a list it holds its place, for AWS to judge."""
    body = {"family": "web", "containerDefinitions": [{"name": "web", "image": "web:1"}], "notes": [None], "cpu": None}
    mistakes: list[Mistake] = []
    node = parse_json(json.dumps(body), "taskdef.json", mistakes)
    assert node is not None
    read = read_task_definition(node, mistakes)
    assert (read or {}).get("notes") == [None], mistakes
    assert "cpu" not in (read or {})
