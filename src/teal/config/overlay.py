"""`--set path=value` and `--image container=repo:tag`: flags over files.

A value is taken as it is written: a number where a number is expected, else a text. A value that starts with `[` or
`{` is read as a YAML list or mapping. Variables are not inserted into it: the shell has done that.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from teal.config.parse import parse_yaml
from teal.config.tree import (
    Kind,
    Listing,
    Mistake,
    Mistakes,
    Node,
    Scalar,
    Table,
    Where,
    did_you_mean,
    map_scalars,
    quote,
)
from teal.errors import UsageError

_STEPS = re.compile(r'(?:^|\.)([^.\[\]"]+)|\[([0-9]{1,4})\]|\["([^"]+)"\]')
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")

Path = tuple[str | int, ...]
Sets = tuple[tuple[str, str], ...]


def split_set(text: str) -> tuple[str, str]:
    """Return path and value of a `--set` flag."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise UsageError(f"--set {quote(text)}: expected path=value; e.g. --set deploy.bake=30s")
    return path, value


def split_image(text: str) -> tuple[str, str]:
    """Return container (empty when not named) and image of an `--image` flag."""
    container, equals, image = text.rpartition("=")
    if not image or (equals and not container):
        raise UsageError(f"--image {quote(text)}: expected container=image; e.g. --image web=shop/web:1.7.2")
    return container, image


def sets_under(sets: Sets, root: str) -> Sets:
    """Return the sets below the key `root`, their paths without it."""
    return tuple((path[len(root) + 1 :], value) for path, value in sets if path.startswith(f"{root}."))


def apply_sets(node: Node, sets: Sets, root: str, mistakes: Mistakes) -> Node:
    """Return `node` with every set applied; `root` is what the flags have before these paths."""
    for text, value in sets:
        where = Where(file=f"--set {root}{text if text.isprintable() else quote(text)}")
        path = _path(text)
        new = _value(value, where, mistakes)
        if path is None:
            wrong = (
                f"found {quote(text)}, expected a path of keys and [indices]; e.g. deploy.bake or routes[0].priority"
            )
            mistakes.append(Mistake(where=where, path="", text=wrong))
        elif new is not None:
            node = _put(node, path, new, where, mistakes)
    return node


def apply_images(body: Node, images: Mapping[str, str], mistakes: Mistakes) -> Node:
    """Return the task definition `body` with the images of the flags in its containers."""
    for container, image in images.items():
        where = Where(file=f"--image {container if container.isprintable() else quote(container)}".rstrip())
        index, wrong = _container_index(body, container)
        if not _IMAGE.fullmatch(image):
            mistakes.append(
                Mistake(where=where, path="", text=f"found {quote(image)}, expected an image; e.g. shop/web:1.7.2")
            )
        elif index is None:
            mistakes.append(Mistake(where=where, path="", text=wrong))
        else:
            new = Scalar(where=where, kind=Kind.FREE, text=image)
            body = _put(body, ("containerDefinitions", index, "image"), new, where, mistakes)
    return body


def _container_index(body: Node, container: str) -> tuple[int | None, str]:
    """Return which container a flag means, or why that cannot be said."""
    names = _container_names(body)
    if container:
        index = names.index(container) if container in names else None
        return index, f"no container {quote(container)} in the task definition; {did_you_mean(container, names)}"
    if not names:
        return None, "there is no container in the task definition"
    if len(names) == 1:
        return 0, ""
    return None, f"there are {len(names)} containers ({', '.join(names)}); name one: --image container=image"


def _container_names(body: Node) -> list[str]:
    listing = body.entries.get("containerDefinitions") if isinstance(body, Table) else None
    items = listing.items if isinstance(listing, Listing) else ()
    names = [item.entries.get("name") if isinstance(item, Table) else None for item in items]
    return [name.text if isinstance(name, Scalar) else "?" for name in names]


def _path(text: str) -> Path | None:
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEPS.match(text, at)
        if not match:
            return None
        steps.append(int(match[2]) if match[2] else match[1] or match[3])
        at = match.end()
    return tuple(steps) or None


def _value(text: str, where: Where, mistakes: Mistakes) -> Node | None:
    """Return the value of a flag; None when it is a list or mapping that cannot be read."""
    if not text.startswith(("[", "{")):
        return Scalar(where=where, kind=Kind.FREE, text=text)
    node = parse_yaml(text, str(where), mistakes)
    return map_scalars(node, lambda scalar, _: replace(scalar, kind=Kind.FREE)) if node else None


def _put(node: Node | None, path: Path, new: Node, where: Where, mistakes: Mistakes) -> Node:
    """Return `node` with `new` at `path`; missing mappings are made, a list grows by one at its end."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    match node:
        case Listing() if isinstance(head, int) and head <= len(node.items):
            below = node.items[head] if head < len(node.items) else None
            made = _put(below, rest, new, where, mistakes)
            return replace(node, items=(*node.items[:head], made, *node.items[head + 1 :]))
        case Table() | None if isinstance(head, str):
            table = node or Table(where=where, entries={})
            made = _put(table.entries.get(head), rest, new, where, mistakes)
            return replace(table, entries={**table.entries, head: made})
        case _:
            mistakes.append(Mistake(where=where, path="", text=_misfit(node, head)))
            return node or new


def _misfit(node: Node | None, head: str | int) -> str:
    if isinstance(node, Listing) and isinstance(head, int):
        return f"there is no [{head}]; a new entry would be [{len(node.items)}]"
    if isinstance(head, int):
        return f"[{head}] needs a list, and there is none"
    return f"{quote(head)} needs a mapping, and there is none"
