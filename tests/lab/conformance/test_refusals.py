"""Every row of the table, against the lab's API over HTTP: refused as AWS refuses it, and accepted when put right."""

from collections.abc import Iterator

import pytest

from ecs_stage import model
from lab.conformance.region import ACCEPTED, LabRegion, lab_region, sent, set_scene, tried
from lab.conformance.row import Row
from lab.conformance.seen import everything
from lab.conformance.table import ROWS
from teal.lab.front import answer
from teal.lab.world.wires import AwsRefusal

# What every operation of a service may answer; AWS lists it once, and not beside each operation.
FOR_ALL = {"elbv2": {"ValidationError"}, "ecs": {"InvalidParameterException", "ClientException"}}
CREATED, MODIFIED = (
    set(model("elbv2").operation_model(f"{verb}TargetGroup").input_shape.members) for verb in ("Create", "Modify")
)
KEPT = sorted(CREATED - MODIFIED - {"Tags"})
BY_NAME = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)


@pytest.fixture(scope="module")
def region() -> Iterator[LabRegion]:
    """Open a lab's front for all rows; each begins with a world of its own."""
    with lab_region() as opened:
        yield opened


@BY_NAME
def test_a_bad_input_is_refused_and_changes_nothing(region: LabRegion, row: Row) -> None:
    """The answer has AWS's code and, where they are known, AWS's words; everything else is as it was."""
    set_scene(region, row, spoiled=True)
    before = everything(region.inside)
    outcome = sent(region, row, row.wrong)
    assert (outcome.code, row.claim.says in outcome.message) == (row.claim.code, True), outcome.message
    assert everything(region.inside) == before


@BY_NAME
def test_the_same_put_right_is_accepted(region: LabRegion, row: Row) -> None:
    """What differs from the bad input in the one point that the row names is accepted."""
    outcome = tried(region, row, spoiled=False)
    assert outcome.code == ACCEPTED, outcome


@pytest.mark.parametrize("field", KEPT)
def test_what_a_target_group_keeps_for_ever_cannot_be_modified(region: LabRegion, field: str) -> None:
    """ModifyTargetGroup does not know the settings of CreateTargetGroup that last; no client can write such a call."""
    set_scene(region, ROWS[0], spoiled=False)
    params = {"TargetGroupArn": region.names["a"], field: "other"}
    with pytest.raises(AwsRefusal, match="Unknown parameter") as refusal:
        answer(region.inside.world, "elbv2", "ModifyTargetGroup", params, region.inside.now_s)
    assert refusal.value.code == "ValidationError"


@BY_NAME
def test_a_code_is_one_that_aws_has(row: Row) -> None:
    """Each claimed code that nobody has seen is in AWS's model of the operation, or the service has it for all."""
    service, name = row.call.split()
    errors = model(service).operation_model(name).error_shapes
    if row.claim.sure == "seen":
        return
    assert (
        row.claim.code in {shape.error_code for shape in errors} | {shape.name for shape in errors} | FOR_ALL[service]
    )


def test_rows_are_told_apart() -> None:
    """No two rows have one name, and each has something wrong: its parameters, or its scene."""
    assert len({row.what for row in ROWS}) == len(ROWS)
    assert [row.what for row in ROWS if not row.spoiled and row.right in (None, row.wrong)] == []
