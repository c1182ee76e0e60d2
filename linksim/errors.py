"""Every error that a user can cause, one class per kind of mistake."""

from collections.abc import Iterable
from difflib import get_close_matches


class LinksimError(ValueError):
    """Base of all errors that name a mistake in how linksim was used."""


class PortError(LinksimError):
    """A port was declared, named or joined wrongly."""


class UnknownPortError(PortError):
    """A block has no port of that name."""


class DirectionError(PortError):
    """An output stands where an input is needed, or the other way round."""


class DTypeError(PortError):
    """The dtype families of two ports, or of a port and its data, differ."""


class RankError(PortError):
    """The numbers of dimensions differ."""


class DimensionError(PortError):
    """A named or fixed dimension has the wrong size."""


class FlowgraphError(LinksimError):
    """A flowgraph is put together wrongly."""


class ChainError(FlowgraphError):
    """A chain given to `connect` cannot be followed."""


class AlreadyFedError(FlowgraphError):
    """An input port has a second source."""


class UnfedInputError(FlowgraphError):
    """A required input port has no source."""


class UnconnectedBlockError(FlowgraphError):
    """A block is in the flowgraph but tied to nothing."""


class LoopError(FlowgraphError):
    """Data would have to flow in a circle."""


class OwnershipError(FlowgraphError):
    """A block stands in two flowgraphs, or in none where it must be in one."""


class RunError(FlowgraphError):
    """A flowgraph was run with missing, unknown or contradictory arguments."""


class FileError(LinksimError):
    """A file cannot be read as what it should be."""


class FlowgraphFileError(FileError):
    """A flowgraph file is not one, or is larger or deeper than allowed."""


class WeightsError(FileError):
    """Trained weights are unknown, or do not fit the block that should get them."""


class StoreError(FileError):
    """A store of results cannot be read or written, or is of another version."""


class SweepError(LinksimError):
    """A sweep cannot be run as it was asked for, or was stopped."""


class UnknownBlockError(LinksimError):
    """The catalogue has no block of that name."""


class ParameterError(LinksimError):
    """A block's parameter is unknown, of the wrong type or out of range."""


class RangeError(PortError, ParameterError):
    """A value lies outside what the port's type promises."""


MOST_TOLD = 40
"""Names in a hint."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: the nearest known one, or the list of all, of many their number."""
    names = sorted(known)
    alike = [each for each in names if each.lower() == name.lower()]
    close = alike or get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    if len(names) > MOST_TOLD:
        return f"none of the {len(names)} known names is like it"
    return f"known: {', '.join(names)}" if names else "there are none"


def require(condition: bool, parameter: str, expected: str, got: object) -> None:
    """Raise a `ParameterError` in the one form that all parameters share, unless the condition holds."""
    if not condition:
        raise ParameterError(f"'{parameter}' must be {expected} (got {got!r})")
