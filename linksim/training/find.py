"""Recipes by name: those under `linksim.flowgraphs.recipes`, found by looking."""

from collections.abc import Mapping
from functools import cache

from linksim.catalogue import classes_by_module
from linksim.errors import ParameterError, nearest
from linksim.training.recipe import Recipe

RECIPES = "linksim.flowgraphs.recipes"


@cache
def known_recipes() -> Mapping[str, type[Recipe]]:
    """The recipe classes by the name of the system, which is that of their file."""
    return classes_by_module(RECIPES, Recipe)


def find_recipe(name: str) -> type[Recipe]:
    """The recipe of a system, as "sa_oosc" or "sa-oosc". Raises `ParameterError` with the nearest name."""
    known = known_recipes()
    if name.replace("-", "_") not in known:
        hint = nearest(name.replace("-", "_"), known)
        raise ParameterError(f"no recipe for '{name}'; {hint} (one of your own: module:Class)")
    return known[name.replace("-", "_")]
