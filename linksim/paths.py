"""Paths of blocks and ports, which may leave out the names of flowgraphs at the front."""

from collections.abc import Collection

from linksim.errors import nearest


def whole_path(path: str, known: Collection[str]) -> str | None:
    """The one of the known paths that is meant; None where none is, or several are."""
    if path in known:
        return path
    found = [each for each in known if each.endswith(f".{path}")]
    return found[0] if len(found) == 1 else None


def path_hint(path: str, known: Collection[str]) -> str:
    """What could have been meant."""
    found = [each for each in known if each.endswith(f".{path}")]
    if found:
        return f"it means one of {', '.join(found)}"
    return nearest(path, list(dict.fromkeys(each.rpartition(".")[2] for each in known)))
