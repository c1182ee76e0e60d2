"""Paths of blocks and ports, which may leave out the names of flowgraphs at the front."""

from collections.abc import Collection

from linksim.errors import nearest


def whole_path(path: str, known: Collection[str]) -> str | None:
    """The one of the known paths that is meant; None where none is, or several are."""
    if path in known:
        return path
    found = [each for each in known if each.endswith(f".{path}")]
    return found[0] if len(found) == 1 else None


def several_hint(path: str, known: Collection[str]) -> str:
    """Which of the known paths could be meant; "" where none could."""
    found = [each for each in known if each.endswith(f".{path}")]
    return f"it means one of {', '.join(found)}" if found else ""


def path_hint(path: str, known: Collection[str]) -> str:
    """What could have been meant."""
    several = several_hint(path, known)
    if several:
        return several
    return nearest(path, list(dict.fromkeys(each.rpartition(".")[2] for each in known)))
