"""The packages of the extra `radio`, imported where they are used."""

from importlib import import_module
from typing import Any

from linksim.errors import LinksimError

PACKAGES = {"zmq": "pyzmq", "sigmf": "sigmf"}


def radio_package(name: str) -> Any:
    """A module of the extra. Raises `LinksimError` where it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise LinksimError(f"this needs the package {PACKAGES[name]}: pip install 'linksim[radio]'") from error
