"""Adding a step: whatever is missing is named here.

The checklist is in CONTRIBUTING.md. The union in teal.model.step is closed; each of its classes needs a sentence, a way
back, the AWS calls it makes, and a place where it is done, asked or judged.
"""

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

import pytest
from botocore.session import get_session

from style.house import modules, tree
from teal.model import step as steps

STEPS: tuple[type, ...] = get_args(steps.Step)


def test_union_holds_every_step() -> None:
    """Every class of teal.model.step that has a sentence is part of the union `Step`."""
    written = {value for value in vars(steps).values() if isinstance(value, type) and hasattr(value, "sentence")}
    assert written == set(STEPS)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_step_is_whole(step: type) -> None:
    """A step is a frozen, slotted value with a docstring, `sentence`, `undo` and `calls`."""
    assert is_dataclass(step)
    assert all(field.kw_only for field in fields(step))
    assert "__setattr__" in vars(step)  # what `frozen` puts there
    assert "__slots__" in vars(step)
    assert step.__doc__
    assert callable(vars(step).get("sentence"))
    assert callable(vars(step).get("undo"))
    assert isinstance(vars(step).get("calls"), tuple)


@pytest.mark.parametrize("service", ["ecs", "elbv2"])
def test_calls_exist(service: str) -> None:
    """Every call that a step names is an operation of AWS."""
    known = set(get_session().get_service_model(service).operation_names)
    named = {call.partition(":")[2] for step in STEPS for call in _calls(step) if call.startswith(f"{service}:")}
    assert named <= known


def test_calls_name_their_service() -> None:
    """Every call that a step names is `ecs:…` or `elbv2:…`."""
    assert {call.partition(":")[0] for step in STEPS for call in _calls(step)} <= {"ecs", "elbv2"}


def test_every_act_and_question_has_a_case() -> None:
    """teal.execute has a case for everything that is done and everything that is asked."""
    cases = {
        ast.unparse(node.cls).rpartition(".")[2]
        for path in modules()
        if path.parts[:3] == ("src", "teal", "execute")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.MatchClass)
    }
    assert _names(steps.Act) | _names(steps.Question) <= cases


def test_every_wait_is_judged() -> None:
    """teal.plan.watch speaks of everything that is waited for."""
    spoken = {node.id for node in ast.walk(tree(Path("src/teal/plan/watch.py"))) if isinstance(node, ast.Name)}
    assert _names(steps.Wait) <= spoken


def _calls(step: type) -> tuple[str, ...]:
    calls: tuple[str, ...] = vars(step)["calls"]
    return calls


def _names(union: object) -> set[str]:
    return {step.__name__ for step in get_args(union)}
