"""One thing wrong, and exactly what is said about it: the table is `mistakes.yaml`."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from config_folder import GOOD, Folder
from teal.config.overlay import split_set

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text("utf-8"))
SECRET = "s3cret value"  # noqa: S105 - it stands for one
ENVIRON = {"TEXT": SECRET, "BYTES": "\udcff"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["lines"][0][:60])
def test_each_mistake_is_one_line_with_place_finding_and_remedy(folder: Folder, case: dict[str, Any]) -> None:
    """Each mistake is said in one line, word for word as in the table; what a variable holds is never shown."""
    text = GOOD.replace(case.get("old", ""), case.get("new", "")) if "old" in case else GOOD
    folder.write(text=f"{text}{case.get('add', '')}\n", task=case.get("task"), service=case.get("service"))
    sets = (split_set(case["set"]),) if "set" in case else ()
    found = folder.mistakes(environ=ENVIRON, images=case.get("images"), sets=sets)
    assert found == case["lines"]
    assert all(SECRET not in line and "\n" not in line for line in found)


def test_all_mistakes_are_named_at_once(folder: Folder) -> None:
    """Mistakes of the three files and the flags come together: the file first, then JSON, then flags, top to bottom."""
    folder.write(
        text=GOOD.replace("443", "https").replace("eu-west-1", "Ireland") + "deploy: {bake: 5}\nx: 1\n",
        task='{"family": "a b"}',
        service='{"desiredCount": "2"}',
    )
    places = [line.split(": ")[0] for line in folder.mistakes(images={"": "x y"}, sets=(("app", "9"),))]
    assert places == [
        "teal.yaml:2:9",
        "teal.yaml:10:37",
        "teal.yaml:11:16",
        "teal.yaml:12:1",
        "service.json:1:18",
        "taskdef.json:1:1",
        "taskdef.json:1:12",
        "--image",
        "--set app",
    ]


def test_a_mistake_in_one_section_does_not_hide_those_in_another(folder: Folder) -> None:
    """Checks across keys still run for the sections that could be read."""
    folder.write(text=GOOD.replace("service: shop-b", "service: shop-a") + "taste: {header: X, cookie: y}\ntags: 5\n")
    assert [line.split(": ")[1] for line in folder.mistakes()] == ["slots.b.service", "taste", "tags"]
