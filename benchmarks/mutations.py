"""Every small wrong that can be done to a file: the operators of the mutation test, on syntax trees. Pure.

A mutant is one change inside a function, or in the value of a constant of a module. What is not changed: wording
(texts, f-strings, what an error says), annotations, defaults and decorators. A mutant's name says where it is and what
was done, without line numbers, so that it stays the same mutant when lines move.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_NAME_CHARACTERS: Final = 110
_OTHER: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_OPPOSITES: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)  # the other one is the negation
_OTHER_CALL: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_Put = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One wrong: the function or constant it is in, the lines of which a test must reach one, and what is done."""

    name: str
    where: str
    constant: bool
    lines: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    where: str
    constant: bool
    lines: tuple[int, int]
    what: str
    apply: Callable[[], None]


def mutants(source: str) -> list[Mutant]:
    """Return the mutants of a source text, in the order of `mutated`."""
    seen: Counter[str] = Counter()
    found: list[Mutant] = []
    for site in _sites(ast.parse(source)):
        name = f"{site.where}: {site.what}"
        seen[name] += 1
        name += f" ({seen[name]})" if seen[name] > 1 else ""
        found.append(Mutant(name=name, where=site.where, constant=site.constant, lines=site.lines))
    return found


def mutated(source: str, nth: int) -> ast.Module:
    """Return the syntax tree of a source text with its nth wrong done."""
    tree = ast.parse(source)
    list(_sites(tree))[nth].apply()
    return ast.fix_missing_locations(tree)


def _sites(tree: ast.Module) -> Iterator[_Site]:
    yield from _of_module(tree.body, "")


def _of_module(body: list[ast.stmt], inside: str) -> Iterator[_Site]:
    """Yield the sites of a module or class: its functions, and at the top the values of its constants."""
    for node in body:
        match node:
            case ast.ClassDef():
                yield from _of_module(node.body, f"{inside}{node.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for child, put in _children(node, ("body",)):
                    yield from _inside(child, put, f"{inside}{node.name}", None)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                for child, put in _children(node, ("value",)) if not inside else ():
                    for site in _inside(child, put, name, _span(node)):
                        yield _Site(where=name, constant=True, lines=site.lines, what=site.what, apply=site.apply)
            case _:
                pass


def _inside(node: ast.AST, put: _Put, where: str, span: tuple[int, int] | None) -> Iterator[_Site]:
    """Yield the sites of a node and of what is in it; `span` is where the statement stands that it is part of."""
    if _is_wording(node):
        return
    if isinstance(node, ast.stmt):
        span = None if hasattr(node, "body") or isinstance(node, ast.Match) else _span(node)
    elif isinstance(node, ast.expr) and span is None:
        span = _span(node)
    lines = span or _reached_by(node)
    for other, what in _wrongs(node):
        yield _Site(where=where, constant=False, lines=lines, what=what, apply=_once(put, other))
    if isinstance(node, ast.Raise):
        return
    for child, put_child in _children(node, node._fields):
        yield from _inside(child, put_child, where, span)


def _wrongs(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield what a node may become, with words for it."""
    if isinstance(node, ast.expr):
        for other in _of_expression(node):
            yield other, f"{_text(node)} → {_text(other)}"
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.comprehension):
        for nth, test in enumerate(node.ifs):
            left = [*node.ifs[:nth], *node.ifs[nth + 1 :]]
            yield _like(node, ifs=left), f"if {_text(test)} dropped"
    elif isinstance(node, ast.match_case):
        if node.guard is not None:
            yield _like(node, guard=_negated(node.guard)), f"case {_text(node.pattern)} if not: {_text(node.guard)}"
        yield _like(node, guard=ast.Constant(False)), f"case {_text(node.pattern)} never"


def _of_expression(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=ops):
            for nth, op in enumerate(ops):
                yield _like(node, ops=[*ops[:nth], _OTHER[type(op)](), *ops[nth + 1 :]])
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _OTHER:
            yield _like(node, op=_OTHER[type(op)]())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(not value if isinstance(value, bool) else value + 1)
        case ast.IfExp(test=test) if not _has_negation(test):
            yield _like(node, test=_negated(test))
        case ast.Call(func=ast.Name(id=name)) if name in _OTHER_CALL:
            yield _like(node, func=ast.Name(_OTHER_CALL[name], ast.Load()))
        case _:
            pass


def _of_statement(node: ast.stmt) -> Iterator[tuple[ast.AST, str]]:
    match node:
        case ast.If(test=test) | ast.While(test=test) if not _has_negation(test):
            yield _like(node, test=_negated(test)), f"if {_text(test)} → if not"
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and not value.value):
            yield ast.Return(ast.Constant(None)), f"return {_text(value)} → return None"
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield ast.Pass(), f"{_text(node)} dropped"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass(), f"{_text(node)} dropped"
        case ast.Break():
            yield ast.Continue(), "break → continue"
        case ast.Continue():
            yield ast.Break(), "continue → break"
        case _:
            pass


def _has_negation(test: ast.expr) -> bool:
    """Say whether an operator of the expression itself negates it already."""
    match test:
        case ast.UnaryOp(op=ast.Not()) | ast.Constant():
            return True
        case ast.Compare(ops=[op]):
            return isinstance(op, _OPPOSITES)
        case _:
            return False


def _is_wording(node: ast.AST) -> bool:
    match node:
        case ast.JoinedStr() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            return True
        case _:
            return False


def _reached_by(node: ast.AST) -> tuple[int, int]:
    """Return the lines whose run shows that a node without a span of its own was reached."""
    match node:
        case ast.match_case(body=[first, *_]):
            return _span(first)
        case ast.If(test=test) | ast.While(test=test):
            return _span(test)
        case ast.comprehension(iter=iterated):
            return _span(iterated)
        case _:
            return (getattr(node, "lineno", 1),) * 2


def _children(node: ast.AST, fields: tuple[str, ...]) -> Iterator[tuple[ast.AST, _Put]]:
    """Yield what is in a node, each with the way to put something else in its place."""
    skipped = {"annotation", "returns", "decorator_list", "args", "type_params"} if _is_definition(node) else set()
    for name in (name for name in fields if name not in skipped):
        value = getattr(node, name)
        if isinstance(value, list):
            for nth, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield child, _putter(value, nth)
        elif isinstance(value, ast.AST):
            yield value, _setter(node, name)


def _is_definition(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.AnnAssign | ast.Lambda)


def _putter(values: list[ast.AST], nth: int) -> _Put:
    return lambda other: values.__setitem__(nth, other)


def _setter(node: ast.AST, name: str) -> _Put:
    return lambda other: setattr(node, name, other)


def _once(put: _Put, other: ast.AST) -> Callable[[], None]:
    return lambda: put(other)


def _like(node: ast.AST, **changed: object) -> ast.expr:
    """Return the same node with other fields, where it stood."""
    other = type(node)(**{name: getattr(node, name) for name in node._fields} | changed)
    return ast.copy_location(other, node)  # type: ignore[return-value] # of the caller's kind


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _span(node: ast.AST) -> tuple[int, int]:
    first: int = getattr(node, "lineno", 1)
    return first, getattr(node, "end_lineno", None) or first


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _NAME_CHARACTERS else f"{text[:_NAME_CHARACTERS]}…"
