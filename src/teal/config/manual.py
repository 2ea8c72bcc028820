"""The manual of `teal.yaml`, in Markdown: made from the types of `schema`, so that no key can be missing in it."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from teal.config.schema import TealFile
from teal.config.tree import step
from teal.config.walk import shape_of

_HEAD = """\
# Configuration

`teal.yaml` describes one app: two slots behind one or more routes. Beside it stand two JSON files in AWS's own words,
the task definition and the service. teal takes the file that `--config` or `TEAL_CONFIG` names, or else the first
`teal.yaml` from the working directory upwards. `teal schema` prints the JSON Schema of the file for editors,
`teal schema --example` the commented example at the end of this page.

All mistakes are named at once, one line each, and nothing is touched (exit code 2):

    teal.yaml:12:15: routes[0].listener: found 'https', expected a port number 1–65535; e.g. 443

## Values

- **Unknown keys and keys written twice are mistakes.** So is an empty value: leave the key out instead.
- **Texts that readers of YAML disagree about need quotes**: `yes`, `no`, `on`, `off`, `12:30`, `0123`, `2026-01-02`;
  an account number too. Numbers are written without quotes.
- **Durations** are `90s`, `2m`, `1h30m`, `24h` or `0s`.
- **Variables** are inserted into texts after the file was read, also in the JSON files, never into keys: `${VAR}`,
  `${VAR:-default}` when it is not set or empty, `${VAR:?message}` to refuse that; `$$` is a dollar sign. Inside `[ ]`
  and `{ }` put them in quotes. A text that is exactly one variable may stand for a number, `true` or `false`. Messages
  never show what was inserted.
- Anchors and aliases are understood; tags such as `!Ref`, merge keys and several documents in one file are not.

## Flags

- `--image web=shop/web:1.7.2` is the image of the container `web`; the name may be left out when there is one
  container.
- `--set path=value` replaces one value: `--set deploy.bake=30s`, `--set 'routes[0].priority=21'`,
  `--set 'tags["cost.centre"]=4711'`. Paths that begin with `task_definition.` or `service.` lead into the JSON files:
  `--set 'task_definition.containerDefinitions[0].cpu=512'`. A value that begins with `[` or `{` is a list or mapping.

## The JSON files

`task_definition` is the body of RegisterTaskDefinition. What only DescribeTaskDefinition answers (ARN, revision, status
and the like, and the `taskDefinition` around it) is dropped, so that an exported file works.

`service` is the body of CreateService. What belongs to a slot (`serviceName`, `cluster`, `taskDefinition`,
`loadBalancers`, `clientToken`) is filled in by teal; `tags` are merged under those of `teal.yaml`. Refused are
`serviceRegistries`, `serviceConnectConfiguration` and `vpcLatticeConfigurations`, a deployment controller other than
`ECS`, a deployment strategy other than `ROLLING`, and the scheduling strategy `DAEMON`.
"""


def markdown(example: Mapping[str, str]) -> str:
    """Return the manual; `example` is the text of each file of the example by its name."""
    parts = [_HEAD, "## Keys\n"]
    parts += [_section(struct, places) for struct, places in _structs().items()]
    parts.append("## Example\n")
    for name, text in example.items():
        parts.append(f"`{name}`:\n\n```{name.rpartition('.')[2]}\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def paths() -> Iterator[str]:
    """Yield the path of every key, list entries as `[]`."""
    for struct, places in _structs().items():
        for info in msgspec.structs.fields(struct):
            yield from (step(place, info.encode_name) for place in places)


def _structs() -> dict[type[Struct], list[str]]:
    """Return every mapping of the file, outer before inner, with the paths at which it stands."""
    places: dict[type[Struct], list[str]] = {TealFile: [""]}
    waiting: list[type[Struct]] = [TealFile]
    while waiting:  # ends: the types are a finite tree
        struct = waiting.pop(0)
        for path, inner in [found for place in places[struct] for found in _inner(struct, place)]:
            if inner not in places:
                places[inner] = []
                waiting.append(inner)
            places[inner].append(path)
    return places


def _inner(struct: type[Struct], place: str) -> Iterator[tuple[str, type[Struct]]]:
    for info in msgspec.structs.fields(struct):
        path = step(place, info.encode_name)
        shape = shape_of(info.type)
        item = shape_of(shape.item).struct if shape.item else None
        if shape.struct:
            yield path, shape.struct
        if item:
            yield f"{path}[]", item


def _section(struct: type[Struct], places: list[str]) -> str:
    title = ", ".join(f"`{place}`" for place in places if place) or "The top of the file"
    rows = [f"### {title}", "", str(struct.__doc__), "", "| Key | Expected | Default | Meaning |", "|---|---|---|---|"]
    for info in msgspec.structs.fields(struct):
        shape = shape_of(info.type)
        cells = (f"`{info.encode_name}`", shape.expected, _default(info), shape.description)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*rows, ""])


def _default(info: msgspec.structs.FieldInfo) -> str:
    if info.required:
        return "required"
    return "" if info.default is msgspec.UNSET else f"`{msgspec.json.encode(info.default).decode()}`"
