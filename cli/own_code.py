"""A user's own code, named on the command line as module:name."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from linksim.errors import ParameterError, nearest


def load_own(name: str) -> Any:
    """What `module:name` names, found from the current folder first.

    Raises `ParameterError` where the text is no such name, or the module cannot be imported or lacks it.
    """
    module_name, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), attribute]) or module_name.endswith(".py"):
        hint = module_name.removeprefix("./").removesuffix(".py").replace("/", ".") or "module"
        raise ParameterError(f"'{name}' must read module:function, as '{hint}:{attribute or 'function'}'")
    module = _load_module(name, module_name)
    if not hasattr(module, attribute):
        known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        raise ParameterError(f"'{name}': your module has no '{attribute}'; {nearest(attribute, known)}")
    return getattr(module, attribute)


def _load_module(name: str, module: str) -> ModuleType:
    """The user's own module, from the current folder first. Raises `ParameterError` with what the module raised."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        found = importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name == module:
            raise ParameterError(f"'{name}' cannot be found: no module '{module}' here or installed") from None
        raise ParameterError(f"'{name}': your module needs another: {error}") from error
    except BaseException as error:
        # Whatever it was, also an exit: the module is the user's, and the mistake too.
        raise ParameterError(f"'{name}': your module raised {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    # Workers must find the module too, and Python's own modules before a file here that is called like one of them.
    if folder not in sys.path:
        sys.path.append(folder)
    return found
