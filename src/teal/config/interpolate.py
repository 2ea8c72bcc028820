"""`${VAR}` in the texts of a parsed document: values are inserted after parsing, so they can never become syntax.

    ${VAR}             the value; not set is a mistake
    ${VAR:-default}    the default when VAR is not set or empty
    ${VAR:?message}    a mistake with this message when VAR is not set or empty
    $$                 one $; any other $ stands for itself

A text that is exactly one variable may become a number or a boolean where one is expected. Values may be secrets:
a message shows the text as it was written, never what was inserted.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from teal.config.tree import Kind, Mistake, Mistakes, Node, Scalar, map_scalars, quote

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\}|(?P<bad>\{))"
)

_NO_VARIABLE = (
    "found '${' that begins no variable; write ${NAME}, ${NAME:-default} or ${NAME:?message}, or $${ for the text ${"
)


def interpolate(node: Node, environ: Mapping[str, str], mistakes: Mistakes) -> Node:
    """Return `node` with the variables in its texts replaced; what is wrong goes to `mistakes`."""

    def insert(scalar: Scalar, path: str) -> Scalar:
        changed = _insert(scalar, path, environ, mistakes) if scalar.kind is Kind.TEXT else scalar
        if not _is_unicode(changed.text):
            text = "holds bytes that are no text in UTF-8, or half of a surrogate pair"
            mistakes.append(Mistake(where=scalar.where, path=path, text=text, spoils=True))
        return changed

    return map_scalars(node, insert)


def _insert(scalar: Scalar, path: str, environ: Mapping[str, str], mistakes: Mistakes) -> Scalar:
    def value(match: re.Match[str]) -> str:
        text, wrong = _value(match, environ)
        if wrong:
            mistakes.append(Mistake(where=scalar.where, path=path, text=wrong, spoils=True))
        return text

    text = _VARIABLE.sub(value, scalar.text)
    whole = _VARIABLE.fullmatch(scalar.text)
    named = any(match["name"] for match in _VARIABLE.finditer(scalar.text))
    kind = Kind.FREE if whole and whole["name"] else Kind.TEXT
    return replace(scalar, text=text, kind=kind, shown=scalar.text if named else "")


def _value(match: re.Match[str], environ: Mapping[str, str]) -> tuple[str, str]:
    """Return what to insert, and what is wrong if anything is."""
    if match["dollar"]:
        return "$", ""
    if match["bad"]:
        return "", _NO_VARIABLE
    name, how, rest = match["name"], match["how"], match["rest"]
    value = environ.get(name)
    if how == ":-":
        return value or rest, ""
    if how == ":?" and not value:
        return "", f"the variable {name} is not set: {quote(rest)[1:-1]}" if rest else f"the variable {name} is not set"
    if value is None:
        return "", f"the variable {name} is not set; set it, or write ${{{name}:-default}}"
    return value, ""


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
