"""Values as they are typed on the command line: decimal numbers, words, blocks."""

import math
import re
from typing import Any

from linksim.errors import ParameterError
from linksim.text import decimal

MAX_VALUES = 100_000
NO_NUMBER = re.compile(r"[+-]?\.?(nan|inf|infinity)", re.IGNORECASE)
WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None, "~": None}
BLOCK = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*")


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """`name=0:10:1` (both ends included), `name=1,2,5`, or `name=AWGN,Rayleigh(coherence=frame)`.

    Raises `ParameterError` where it is nothing of the kind.
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals or not name or not rest.strip():
        raise ParameterError(f"'{text}' must read name=value,value,... or name=first:last:step")
    parts = rest.split(":")
    if (len(parts) == 3 and not set(rest) & set(",()")) or (len(parts) > 1 and all(map(_is_like_a_number, parts))):
        return name, _range(text, parts)
    return name, [_value(part) for part in _split(rest, text)]


def parse_one(option: str, text: str) -> tuple[str, Any]:
    """`name=value`, one value. Raises `ParameterError` where there are several."""
    name, values = parse_axis(text)
    if len(values) != 1:
        raise ParameterError(f"{option} '{text}' must read name=value, one value (got {len(values)})")
    return name, values[0]


def parse_each(option: str, texts: "tuple[str, ...] | list[str]") -> dict[str, Any]:
    """Several `name=value` as a mapping. Raises `ParameterError` where a name is there twice."""
    found: dict[str, Any] = {}
    for name, value in (parse_one(option, text) for text in texts):
        if name in found:
            raise ParameterError(f"{option} gives '{name}' twice; give it once")
        found[name] = value
    return found


def plain_value(text: str) -> Any:
    """A number, true, false, none, or text; text in quotation marks is what is between them.

    Raises `ParameterError` where it is empty or no finite number.
    """
    text = text.strip()
    if not text:
        raise ParameterError("a value is missing: two commas, or one at an end")
    if NO_NUMBER.fullmatch(text):
        raise ParameterError(f"a value must be finite (got '{text}')")
    number = decimal(text)
    if number is not None and not math.isfinite(number):
        raise ParameterError(f"a value must be finite (got '{text}')")
    if number is not None:
        return number
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return WORDS.get(text.lower(), text)


def _is_like_a_number(text: str) -> bool:
    return decimal(text) is not None or bool(NO_NUMBER.fullmatch(text.strip()))


def _range(text: str, parts: list[str]) -> list[Any]:
    if len(parts) != 3:
        raise ParameterError(f"'{text}' must read name=first:last:step (got {len(parts)} numbers)")
    numbers = [decimal(part) for part in parts]
    if not all(number is not None and math.isfinite(number) for number in numbers):
        raise ParameterError(f"'{text}' must read name=first:last:step, all numbers and finite")
    first, last, step = (float(part) for part in parts)
    if step == 0 or (last - first) / step < 0:
        raise ParameterError(f"'{text}': the step must lead from first to last")
    length = (last - first) / step
    if length >= MAX_VALUES:
        raise ParameterError(f"'{text}' holds {length + 1:.0f} values; at most {MAX_VALUES} are allowed")
    count = int(length + 1e-9) + 1
    return [round(first + i * step, 12) for i in range(count)]


def _split(rest: str, text: str) -> list[str]:
    """At commas outside brackets. Raises `ParameterError` where brackets do not match."""
    parts, depth = [""], 0
    for letter in rest:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            raise ParameterError(f"'{text}': a bracket ')' closes none")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise ParameterError(f"'{text}': a bracket ')' is missing")
    return parts


def _value(text: str) -> Any:
    match = BLOCK.fullmatch(text)
    if match and (match[2] is not None or match[1][0].isupper()):
        from linksim.catalogue import catalogue, find_block
        from linksim.parameters import check_parameters

        if match[2] is not None or match[1] in catalogue():
            kind = find_block(match[1])
            return kind(**check_parameters(kind, _settings(match[2] or "", text)))
    return plain_value(text)


def _settings(inside: str, text: str) -> dict[str, Any]:
    """What stands between a block's brackets: name=value, name=value, ..."""
    found: dict[str, Any] = {}
    for part in _split(inside, text) if inside.strip() else ():
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise ParameterError(f"'{text.strip()}': a block's parameters read name=value (got '{part.strip()}')")
        if name in found:
            raise ParameterError(f"'{text.strip()}' gives '{name}' twice")
        value = value.strip()
        found[name] = _listed(name, value) if value.startswith("(") else plain_value(value)
    return found


def _listed(name: str, value: str) -> list[Any]:
    """`(2,4,8)`."""
    if not value.endswith(")"):
        raise ParameterError(f"'{name}' must be one value, or a list like (1,2,3) (got '{value}')")
    return [plain_value(part) for part in value[1:-1].split(",")]
