"""How SA-OOSC is trained: the error of important patches weighs more."""

from dataclasses import dataclass

from linksim.flowgraphs.recipes.hv_recipe import HVRecipe


@dataclass(kw_only=True)
class SAOOSCRecipe(HVRecipe):
    """See `HVRecipe`.

    Args:
        importance_exponent: patches weigh 2^(exponent*importance); 0 weighs all the same.
    """

    importance_exponent: float = 2.0

    @property
    def exponent(self) -> float:
        """Of the importance weights."""
        return self.importance_exponent
