"""Recipes by name: those under `linksim.flowgraphs.recipes`, found by looking."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache

from linksim.errors import ParameterError, nearest
from linksim.training.recipe import Recipe

RECIPES = "linksim.flowgraphs.recipes"


@cache
def known_recipes() -> Mapping[str, type[Recipe]]:
    """The recipe classes by the name of the system, which is that of their file."""
    package = importlib.import_module(RECIPES)
    found: dict[str, type[Recipe]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        for kind in vars(importlib.import_module(f"{RECIPES}.{module.name}")).values():
            own = isinstance(kind, type) and issubclass(kind, Recipe) and kind.__module__.endswith(f".{module.name}")
            if own and not inspect.isabstract(kind):
                found[module.name] = kind
    return dict(sorted(found.items()))


def find_recipe(name: str) -> type[Recipe]:
    """The recipe of a system, as "sa_oosc" or "sa-oosc". Raises `ParameterError` with the nearest name."""
    known = known_recipes()
    if name.replace("-", "_") not in known:
        hint = nearest(name.replace("-", "_"), known)
        raise ParameterError(f"no recipe for '{name}'; {hint} (one of your own: module:Class)")
    return known[name.replace("-", "_")]
