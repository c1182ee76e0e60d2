"""Text from outside: numbers read from it, and names made fit for where they are shown."""

import re

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that move a terminal's cursor or colour it, but for tab and new line."""
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML document may hold (XML 1.0, section 2.2)."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


def decimal(text: str) -> int | float | None:
    """A decimal number, int where it is written as one; None for anything else that Python would read as a number, as
    1_000, nan, or digits of other scripts."""
    text = text.strip()
    if not DECIMAL.fullmatch(text):
        return None
    return float(text) if re.search("[.eE]", text) else int(text)


def printable(text: str) -> str:
    """For a terminal: control characters, and bytes that are no text, as escapes like \\x1b."""
    escaped = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return escaped.encode("utf-8", "backslashreplace").decode()


def xml_text(text: str) -> str:
    """For XML and SVG, before its escapes: what they cannot hold as a replacement character."""
    return NOT_XML.sub(REPLACEMENT, text)


def figure_text(text: str) -> str:
    """For matplotlib: no formula between dollars, and no name that a legend leaves out for its first character."""
    shown = CONTROL.sub(REPLACEMENT, xml_text(text)).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
