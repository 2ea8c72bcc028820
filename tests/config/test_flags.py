"""`--set` and `--image`."""

import pytest

from config_folder import GOOD, TASK, Folder
from teal.config.overlay import split_image, split_set
from teal.errors import UsageError
from teal.model.spec import RunGate

TWO = {**TASK, "containerDefinitions": [*TASK["containerDefinitions"], {"name": "log", "image": "log:1"}]}


@pytest.mark.parametrize(
    ("text", "pair"), [("a.b=c=d", ("a.b", "c=d")), ("a=", ("a", "")), ('tags["x"]=1', ('tags["x"]', "1"))]
)
def test_a_set_is_split_at_its_first_equals_sign(text: str, pair: tuple[str, str]) -> None:
    """The value of a set may hold equals signs, or nothing."""
    assert split_set(text) == pair


@pytest.mark.parametrize(
    ("text", "pair"), [("web=shop:1", ("web", "shop:1")), ("shop:1@sha256:ab", ("", "shop:1@sha256:ab"))]
)
def test_an_image_may_name_its_container(text: str, pair: tuple[str, str]) -> None:
    """The container is what stands before the equals sign, empty without one."""
    assert split_image(text) == pair


@pytest.mark.parametrize("text", ["deploy.bake", "=30s", ""])
def test_a_set_without_path_or_value_is_refused(text: str) -> None:
    """A set that is no path=value is a wrong use of the command, with an example."""
    with pytest.raises(UsageError, match=r"expected path=value; e\.g\. --set deploy\.bake=30s"):
        split_set(text)


@pytest.mark.parametrize("text", ["web=", "=shop:1", ""])
def test_an_image_flag_without_an_image_is_refused(text: str) -> None:
    """An image flag without container or image around its equals sign is a wrong use of the command."""
    with pytest.raises(UsageError, match="expected container=image"):
        split_image(text)


def test_sets_replace_make_and_append(folder: Folder) -> None:
    """A set replaces a value, makes the mappings on its way, appends to a list, and the last one counts."""
    spec = folder.load(
        sets=(
            ("deploy.bake", "30s"),
            ("deploy.bake", "1m"),
            ("deploy.shift", "[5% for 2m, 100%]"),
            ("routes[1]", '{load_balancer: shop, listener: "8443", default: "true"}'),
            ('tags["cost.centre"]', "0123"),
            ("account", "012345678901"),
        )
    )
    assert spec.deploy.bake_s == 60.0
    assert [(step.percent, step.hold_s) for step in spec.deploy.shift] == [(5, 120.0), (100, 0.0)]
    assert spec.routes[1].default
    assert dict(spec.tags) == {"cost.centre": "0123"}
    assert spec.account == "012345678901"


def test_sets_reach_the_json_files_by_the_type_that_aws_wants(folder: Folder) -> None:
    """A number stays a text where AWS wants a text, and the other way round."""
    spec = folder.load(
        sets=(
            ("task_definition.cpu", "512"),
            ("task_definition.containerDefinitions[0].cpu", "512"),
            ("task_definition.containerDefinitions[0].essential", "false"),
            ("task_definition.containerDefinitions[0].environment[1]", '{"name": "N", "value": "2"}'),
            ("service.desiredCount", "7"),
        )
    )
    container = spec.task_definition["containerDefinitions"][0]
    assert (spec.task_definition["cpu"], container["cpu"], container["essential"]) == ("512", 512, False)
    assert container["environment"][1] == {"name": "N", "value": "2"}
    assert spec.service["desiredCount"] == 7


def test_a_set_is_not_interpolated_and_saves_a_missing_variable(folder: Folder) -> None:
    """A dollar sign in a flag is the shell's affair; what a set replaces need not be there."""
    folder.write(text=GOOD.replace("app: shop", "app: ${APP}") + "deploy: {gates: {taste: [{run: x}]}}\n")
    spec = folder.load(sets=(("app", "web"), ("deploy.gates.taste[0].run", "echo ${HOME}")))
    assert spec.app == "web"
    assert spec.deploy.taste_gates == (RunGate(command="echo ${HOME}"),)
    assert str(spec.deploy.taste_gates[0]) == "run echo …"  # what was inserted may be a secret


def test_an_image_goes_into_its_container(folder: Folder) -> None:
    """An image needs no name where there is one container, and finds its container where there are two."""
    assert folder.load(images={"": "web:2"}).task_definition["containerDefinitions"][0]["image"] == "web:2"
    folder.write(task=TWO)
    containers = folder.load(images={"log": "log:2"}).task_definition["containerDefinitions"]
    assert [container["image"] for container in containers] == ["shop:1", "log:2"]


def test_an_image_may_stand_in_a_flag_alone(folder: Folder) -> None:
    """A task definition without an image is complete when a flag gives it."""
    bare = {key: value for key, value in TASK["containerDefinitions"][0].items() if key != "image"}
    folder.write(task={**TASK, "containerDefinitions": [bare]})
    assert folder.load(images={"web": "web:2"}).task_definition["containerDefinitions"][0]["image"] == "web:2"
