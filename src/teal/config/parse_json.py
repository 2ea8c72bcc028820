"""Strict JSON text to a tree: positions, duplicate keys refused, `NaN` and half surrogate pairs too.

The standard library reads JSON without positions and lets the last of two equal keys win. Here objects and arrays are
read by hand; strings and numbers are still the library's.
"""

import json
import re
from typing import Never

from teal.config.tree import Kind, Lines, Listing, Mistake, Mistakes, Node, Scalar, Table, Where, quote, step

_MAX_DEPTH = 64
_SPACE = re.compile(r"[ \t\n\r]*")
_WORD = re.compile(r"[A-Za-z]+|-?[0-9][0-9.eE+-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?")
_LONGEST_NUMBER = 40
_WORDS = {"true": Kind.BOOLEAN, "false": Kind.BOOLEAN, "null": Kind.NULL}
_STRINGS = json.JSONDecoder()


class _SyntaxError(Exception):
    """The text is not JSON from `offset` on."""

    def __init__(self, offset: int, text: str) -> None:
        super().__init__(text)
        self.offset = offset
        self.text = text


def parse_json(text: str, file: str, mistakes: Mistakes) -> Node | None:
    """Return the tree of a JSON text, or None when it cannot be read; what is wrong goes to `mistakes`."""
    reader = _Reader(text, file, mistakes)
    try:
        return reader.document()
    except _SyntaxError as error:
        where = Lines(text, file).at(error.offset)
        mistakes.append(Mistake(where=where, path="", text=f"not JSON: {error.text}"))
    return None


class _Reader:
    """Reads one JSON text from left to right."""

    def __init__(self, text: str, file: str, mistakes: Mistakes) -> None:
        self._text = text
        self._lines = Lines(text, file)
        self._mistakes = mistakes
        self._at = 0

    def document(self) -> Node:
        """Return the only value of the text."""
        node = self._value("", 0)
        if self._peek():
            self._fail("expected the end of the file")
        return node

    def _value(self, path: str, depth: int) -> Node:
        first = self._peek()
        if depth > _MAX_DEPTH:
            self._fail(f"nested more than {_MAX_DEPTH} levels deep")
        match first:
            case "{":
                return self._table(path, depth)
            case "[":
                return self._listing(path, depth)
            case '"':
                return self._string()
            case _:
                return self._word()

    def _table(self, path: str, depth: int) -> Table:
        where = self._where()
        entries: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        more = self._open("}")
        while more:
            if self._peek() != '"':
                self._fail("expected a key in double quotes")
            key = self._string()
            self._take(":")
            below = step(path, key.text)
            value = self._value(below, depth + 1)
            if key.text in keys:
                text = f"this key was already written at {keys[key.text].where}"
                self._mistakes.append(Mistake(where=key.where, path=below, text=text))
            else:
                entries[key.text], keys[key.text] = value, key
            more = self._more("}")
        return Table(where=where, entries=entries, keys=keys)

    def _listing(self, path: str, depth: int) -> Listing:
        where = self._where()
        items: list[Node] = []
        more = self._open("]")
        while more:
            items.append(self._value(step(path, len(items)), depth + 1))
            more = self._more("]")
        return Listing(where=where, items=tuple(items))

    def _string(self) -> Scalar:
        where = self._where()
        try:
            text, self._at = _STRINGS.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            raise _SyntaxError(error.pos, error.msg[:1].lower() + error.msg[1:]) from None
        return Scalar(where=where, kind=Kind.TEXT, text=text)

    def _word(self) -> Scalar:
        where = self._where()
        matched = _WORD.match(self._text, self._at)
        word = matched[0] if matched else ""
        number = _NUMBER.fullmatch(word)
        if number and len(word) <= _LONGEST_NUMBER:
            kind = Kind.FLOAT if number[1] or number[2] else Kind.INTEGER
        elif word in _WORDS:
            kind = _WORDS[word]
        else:
            rest = word or self._text[self._at : self._at + 1]
            self._fail(f"expected a value, found {quote(rest) if rest else 'the end of the file'}")
        self._at += len(word)
        return Scalar(where=where, kind=kind, text=word)

    def _open(self, end: str) -> bool:
        """Step over the opening bracket; return whether something stands inside."""
        self._at += 1
        if self._peek() == end:
            self._at += 1
            return False
        return True

    def _more(self, end: str) -> bool:
        """Step over a comma or the closing bracket; return whether there is more."""
        if self._peek() == end:
            self._at += 1
            return False
        self._take(",", f"',' or {end!r}")
        return True

    def _take(self, wanted: str, name: str = "") -> None:
        if self._peek() != wanted:
            self._fail(f"expected {name or repr(wanted)}")
        self._at += 1

    def _peek(self) -> str:
        """Step over white space; return the next character, empty at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _where(self) -> Where:
        return self._lines.at(self._at)

    def _fail(self, text: str) -> Never:
        raise _SyntaxError(self._at, text)
