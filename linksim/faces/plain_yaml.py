"""YAML for data only, by the rules of version 1.2, where 010 is ten and 1:30 is text.

No aliases, no tags, bounded size and depth; a hostile file can fail, it cannot do anything.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from linksim.errors import FlowgraphFileError
from linksim.files import decoded, write_whole

MAX_BYTES = 1 << 20
MAX_NODES = 100_000
DEEPEST = 64

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]

SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    # Text by 1.2, a date by 1.1: refused, for nobody can know which was meant.
    ("timestamp", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?", list("0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
     list("-+.0123456789")),
)  # fmt: skip
"""What is no text: YAML 1.2.2, section 10.3.2, the core schema; PyYAML's own rules are those of 1.1."""


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DumperBase: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Loader(_Base):  # pyright: ignore[reportUntypedBaseClass]
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


class _Dumper(_DumperBase):  # pyright: ignore[reportUntypedBaseClass]
    """Quotes what either version would read as no text."""


for _name, _form, _first in SCALARS:
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_form})$"), _first)


def _whole_number(_loader: object, node: yaml.ScalarNode) -> int:
    base = {"0o": 8, "0x": 16}.get(node.value[:2], 10)
    return int(node.value[2:] if base != 10 else node.value, base)


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def read_bytes(path: Path) -> bytes:
    """A file's bytes, of which `plain_values` refuses too many. Raises `FlowgraphFileError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FlowgraphFileError(f"cannot read '{path}': {error.strerror or error}") from None


def plain_values(data: bytes, path: Path | str) -> Plain:
    """The plain values in YAML text, or in JSON, which is YAML as well; `path` names it in messages.

    Raises `FlowgraphFileError` naming what was wrong: over 1 MB, no text, no YAML, aliases, tags, too deep, too many
    values, a key twice, a value that is no plain one.
    """
    if len(data) > MAX_BYTES:
        raise FlowgraphFileError(f"'{path}' is larger than {MAX_BYTES} bytes")
    try:
        text = decoded(data)
        _check_events(text)
        return _plain(yaml.compose(text, Loader=_Loader), _Loader(""))
    except UnicodeDecodeError:
        raise FlowgraphFileError(f"'{path}' is no text in UTF-8") from None
    except yaml.YAMLError as error:
        # PyYAML has a limit of its own since 6.0.4, and as it reads ahead it may meet that first.
        if "maximum nesting depth" in str(error):
            raise FlowgraphFileError(f"'{path}': nested deeper than {DEEPEST} levels") from None
        raise FlowgraphFileError(f"'{path}' is no valid YAML: {' '.join(str(error).split())}") from None
    except FlowgraphFileError as error:
        raise FlowgraphFileError(f"'{path}': {error}") from None


def _check_events(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise FlowgraphFileError(f"aliases and anchors are not allowed{_place(event)}")
        if getattr(event, "tag", None) not in (None, "!"):
            raise FlowgraphFileError(f"tags are not allowed{_place(event)}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise FlowgraphFileError(f"nested deeper than {DEEPEST} levels{_place(event)}")
        if count > MAX_NODES:
            raise FlowgraphFileError(f"more than {MAX_NODES} values")


def _place(item: yaml.Event | yaml.Node) -> str:
    return f" (line {item.start_mark.line + 1})" if item.start_mark else ""


def _plain(node: yaml.Node | None, loader: yaml.SafeLoader) -> Plain:
    if node is None:
        return None
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            key = _plain(key_node, loader)
            if not isinstance(key, str) or key in result:
                problem = "appears twice" if isinstance(key, str) else "is no text"
                raise FlowgraphFileError(f"the key {key!r} {problem}{_place(key_node)}")
            result[key] = _plain(value_node, loader)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, loader) for item in node.value]
    try:
        value: object = loader.construct_object(node)
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise FlowgraphFileError(f"cannot read the value {str(node.value)[:40]!r}: {error}{_place(node)}") from None
    if value is None or isinstance(value, str | int | float):
        return value
    raise FlowgraphFileError(f"{str(node.value)[:40]!r} is no plain value{_place(node)}; quote it to make it text")


def write_plain_yaml(path: Path, value: Plain) -> None:
    """Write plain values as YAML, keys in the order given. Raises `FlowgraphFileError` where a text is none, and as
    `write_whole`."""
    try:
        write_whole(path, plain_text(value).encode())
    except UnicodeEncodeError as error:
        raise FlowgraphFileError(
            f"'{path}' cannot hold {error.object[error.start : error.end]!r}, which is no text"
        ) from None


def plain_text(value: Plain) -> str:
    """Plain values as YAML, keys in the order given."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=110)
    return text
