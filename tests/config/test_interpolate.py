"""Variables in texts."""

import pytest

from config_folder import GOOD, TASK, Folder
from teal.config.interpolate import interpolate
from teal.config.tree import Kind, Mistake, Scalar, Where

WHERE = Where(file="f", line=1, column=1)
ENVIRON = {"A": "one", "EMPTY": "", "N": "443", "TRICKY": "${A}: [x, #"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${A}", "one"),
        ("x-${A}-${N}", "x-one-443"),
        ("${EMPTY}", ""),
        ("${NONE:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${A:-two}", "one"),
        ("${NONE:-}", ""),
        ("${A:?must}", "one"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$A $ $1", "$$A $ $1"),
        ("${TRICKY}", "${A}: [x, #"),
    ],
)
def test_variables_are_inserted_once(text: str, value: str) -> None:
    """A value is inserted as it is: never read again, never syntax."""
    mistakes: list[Mistake] = []
    done = interpolate(Scalar(where=WHERE, kind=Kind.TEXT, text=text), ENVIRON, mistakes)
    assert isinstance(done, Scalar)
    assert (done.text, mistakes) == (value, [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("${NONE}", "the variable NONE is not set; set it, or write ${NONE:-default}"),
        ("${NONE:?why so}", "the variable NONE is not set: why so"),
        ("${EMPTY:?why so}", "the variable EMPTY is not set: why so"),
        ("${NONE:?}", "the variable NONE is not set"),
        ("${A", "found '${' that begins no variable"),
        ("${A-b}", "found '${' that begins no variable"),
        ("\ud800", "holds bytes that are no text in UTF-8, or half of a surrogate pair"),
    ],
)
def test_what_cannot_be_inserted_is_a_mistake(text: str, sentence: str) -> None:
    """A variable that is not there, or no variable at all, is named at its place."""
    mistakes: list[Mistake] = []
    interpolate(Scalar(where=WHERE, kind=Kind.TEXT, text=text), ENVIRON, mistakes)
    assert [str(mistake).split(";")[0] for mistake in mistakes] == [f"f:1:1: {sentence}".split(";")[0]]


def test_a_text_that_is_one_variable_may_be_a_number(folder: Folder) -> None:
    """Exactly one variable stands for a number, true or false where one is expected; a part of a text does not."""
    folder.write(
        text=GOOD.replace("443, priority: 20", '"${N}", default: "${YES:-true}"') + 'identity: {header: "X${N}"}\n',
        task={**TASK, "ephemeralStorage": {"sizeInGiB": "${N}"}},
    )
    spec = folder.load(environ=ENVIRON)
    assert (spec.routes[0].listener_port, spec.routes[0].default) == (443, True)
    assert spec.identity
    assert spec.identity.header == "X443"
    assert spec.task_definition["ephemeralStorage"] == {"sizeInGiB": 443}
    folder.write(text=GOOD.replace("443", '"4${NONE:-4}3"'))
    expected = (
        "teal.yaml:10:37: routes[0].listener: found '4${NONE:-4}3' with its variables inserted,"
        " expected a port number 1–65535; e.g. 443"
    )
    assert folder.mistakes() == [expected]
