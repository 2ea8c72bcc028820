"""Finding and reading the files."""

from pathlib import Path

import pytest

from config_folder import GOOD, TASK, Folder
from teal.config.source import directory_of, example, load
from teal.errors import ConfigError, UsageError
from teal.model.identity import Slot
from teal.model.spec import ALL_AT_ONCE, DeploySpec, RouteSpec, TasteSpec
from teal.model.traffic import Condition


def test_a_small_file_gets_the_defaults(folder: Folder) -> None:
    """What is not written has the defaults of the model."""
    spec = folder.load()
    assert (spec.app, spec.region, spec.cluster, spec.family, spec.account) == (
        "shop",
        "eu-west-1",
        "prod",
        "shop",
        None,
    )
    assert spec.deploy == DeploySpec()
    assert spec.deploy.shift == ALL_AT_ONCE
    assert spec.taste == TasteSpec()
    assert (spec.identity, spec.ignored, dict(spec.tags)) == (None, (), {})
    assert spec.slot(Slot.B).group("web:8080").name == "shop-b"
    assert spec.routes == (
        RouteSpec(
            load_balancer="shop",
            listener_port=443,
            group_key="web:8080",
            priority=20,
            where=f"{folder.path}/teal.yaml:10:5",
        ),
    )
    assert spec.task_definition == TASK


def test_the_file_is_found_upwards(folder: Folder) -> None:
    """From a directory below, the nearest file above is taken."""
    below = folder.path / "src" / "deep"
    below.mkdir(parents=True)
    spec = load(None, environ={}, images={}, sets=(), directory=below)
    assert spec.routes[0].where == f"{below}/../../teal.yaml:10:5"


def test_without_a_directory_the_working_directory_counts(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the working directory the file is just `teal.yaml` in messages."""
    monkeypatch.chdir(folder.path)
    assert load(None, environ={}, images={}, sets=()).routes[0].where == "teal.yaml:10:5"


def test_a_path_counts_over_the_variable_and_the_variable_over_looking(folder: Folder, tmp_path: Path) -> None:
    """The file is the one named, else that of TEAL_CONFIG, else the nearest; an empty variable is none."""
    other = tmp_path / "other.yaml"
    other.write_text(GOOD.replace("app: shop", "app: other"), "utf-8")
    missing = str(tmp_path / "missing.yaml")
    named = load(other, environ={"TEAL_CONFIG": missing}, images={}, sets=())
    pointed = load(None, environ={"TEAL_CONFIG": str(other)}, images={}, sets=(), directory=folder.path)
    found = load(None, environ={"TEAL_CONFIG": ""}, images={}, sets=(), directory=folder.path)
    assert (named.app, pointed.app, found.app) == ("other", "other", "shop")


def test_a_missing_file_says_what_was_looked_for_and_what_to_do(tmp_path: Path) -> None:
    """No file is a wrong use of the command: exit 2, the places looked at, and two ways on."""
    with pytest.raises(UsageError) as caught:
        load(None, environ={}, images={}, sets=(), directory=tmp_path)
    expected = f"no teal.yaml in {tmp_path} or any directory above it, and TEAL_CONFIG is not set"
    assert caught.value.message == expected
    assert "teal demo" in caught.value.hint
    assert "teal schema --example" in caught.value.hint
    assert caught.value.exit_code == 2
    assert not isinstance(caught.value, ConfigError)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.yaml", "No such file or directory"), (".", "Is a directory"), ("a\0b", "embedded null byte")],
)
def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    """A file that cannot be read is a wrong use of the command, with the system's reason."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path / name, environ={}, images={}, sets=())
    assert caught.value.message == f"cannot read the configuration {tmp_path / name}: {reason}"


def test_the_directory_is_that_of_the_file(folder: Folder, tmp_path: Path) -> None:
    """The commands of gates run where the file is, wherever teal was called."""
    below = tmp_path / "below"
    below.mkdir()
    assert directory_of(None, {}, below) == tmp_path.resolve()
    assert directory_of(folder.path / "teal.yaml", {}) == tmp_path.resolve()


def test_every_way_to_find_a_rule(folder: Folder) -> None:
    """A rule is found by priority, as the default, by conditions or ARN, or made; the made one keeps its priority."""
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shop/1/2/3"
    create = "create: {priority: 30, conditions: {header: {X: [a]}, query: {'': b}}}"
    ways = ("default: true", "conditions: {host: [a]}", f"priority: 30, {create}")
    routes = "".join(f"  - {{load_balancer: shop, listener: 443, {way}}}\n" for way in ways)
    folder.write(text=f"{GOOD}{routes}  - {{rule_arn: '{arn}', target_group: 'web:8080'}}\n")
    _, default, by_conditions, made, by_arn = folder.load().routes
    assert (default.default, default.priority) == (True, None)
    assert by_conditions.conditions == (Condition(field="host-header", values=("a",)),)
    assert made.priority == 30
    assert made.create
    assert made.create.conditions == (
        Condition(field="http-header", header="X", values=("a",)),
        Condition(field="query-string", queries=(("", "b"),)),
    )
    assert (by_arn.rule_arn, by_arn.load_balancer, by_arn.listener_port) == (arn, "", 0)


def test_files_are_bounded(folder: Folder) -> None:
    """A file of more than 512 KiB is not read."""
    (folder.path / "service.json").write_bytes(b" " * (512 * 1024 + 1))
    expected = "teal.yaml:5:10: service: cannot read 'service.json' beside teal.yaml: it has more than 512 KiB"
    assert folder.mistakes() == [expected]


def test_files_are_utf_8(folder: Folder) -> None:
    """A byte that is no UTF-8 is a mistake at its place; a byte order mark is none."""
    (folder.path / "teal.yaml").write_bytes(GOOD.replace("prod", "pröd").encode("latin-1"))
    (folder.path / "service.json").write_bytes(b"\xef\xbb\xbf{}")
    assert folder.mistakes() == ["teal.yaml:3:12: found the byte 0xf6, expected UTF-8"]
    (folder.path / "teal.yaml").write_text(GOOD, "utf-8-sig")
    (folder.path / "taskdef.json").write_bytes(b'{\n "\xff')
    assert folder.mistakes() == ["taskdef.json:2:3: found the byte 0xff, expected UTF-8"]


def test_an_empty_file_is_a_mistake(folder: Folder) -> None:
    """An empty file says so; a file that is no mapping says which keys are expected."""
    folder.write(text="# nothing\n")
    assert folder.mistakes() == ["teal.yaml:1:1: the file is empty"]
    folder.write(text="- app\n")
    assert [line.split(" with the keys")[0] for line in folder.mistakes()] == [
        "teal.yaml:1:1: found a list, expected a mapping"
    ]


def test_an_exported_task_definition_works(folder: Folder) -> None:
    """What DescribeTaskDefinition answers is taken: wrapper and described fields go, tags come in, nulls are absent."""
    exported = {
        "taskDefinition": {
            **TASK,
            "taskDefinitionArn": "arn",
            "revision": 3,
            "status": "ACTIVE",
            "requiresAttributes": [],
            "compatibilities": [],
            "registeredAt": 1.5,
            "registeredBy": "x",
            "deregisteredAt": "y",
            "taskRoleArn": None,
        },
        "tags": [{"key": "a", "value": "b"}],
    }
    folder.write(task=exported)
    assert folder.load().task_definition == {**TASK, "tags": [{"key": "a", "value": "b"}]}
    folder.write(task={"taskDefinition": TASK})
    assert folder.load().task_definition == TASK


def test_what_belongs_to_a_slot_leaves_the_service_and_its_tags_are_merged(folder: Folder) -> None:
    """The service body keeps only what both slots share; its tags stand under those of the file."""
    service: dict[str, object] = {
        "cluster": "c",
        "serviceName": "s",
        "taskDefinition": "t:1",
        "loadBalancers": [{}],
        "clientToken": "x",
        "serviceRegistries": [],
        "serviceConnectConfiguration": {"enabled": False},
        "vpcLatticeConfigurations": None,
        "tags": [{"key": "team", "value": "old"}, {"key": "cost", "value": "1"}],
        "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {"strategy": "ROLLING", "maximumPercent": "${MAX}"},
        "schedulingStrategy": None,
        "enableExecuteCommand": "${EXEC:-true}",
        "placementConstraints": [{"weight": 0.5}],
    }
    folder.write(text=f"{GOOD}tags: {{team: new}}\n", service=service)
    spec = folder.load(environ={"MAX": "200"})
    assert dict(spec.tags) == {"team": "new", "cost": "1"}
    assert spec.service == {
        "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {"strategy": "ROLLING", "maximumPercent": 200},
        "enableExecuteCommand": True,
        "placementConstraints": [{"weight": 0.5}],
    }


def test_an_empty_object_switches_nothing_on(folder: Folder) -> None:
    """Settings that are there without an effect, as exports have them, are no reason to refuse a service."""
    folder.write(service={"serviceConnectConfiguration": {}, "tags": None})
    assert folder.load().service == {}


def test_the_example_is_three_files_that_load(tmp_path: Path) -> None:
    """What `teal schema --example` prints is complete: written side by side, it loads."""
    for name, text in example().items():
        (tmp_path / name).write_text(text, "utf-8")
    spec = load(tmp_path / "teal.yaml", environ={"IMAGE": "shop:9"}, images={}, sets=())
    assert spec.task_definition["containerDefinitions"][0]["image"] == "shop:9"
    assert [route.priority for route in spec.routes] == [20, None, None, None, 30]
