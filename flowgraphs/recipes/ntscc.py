"""How NTSCC is trained: as SA-OOSC, all patches weighing the same, and the rate by the entropy alone."""

from dataclasses import dataclass
from typing import ClassVar

from linksim.flowgraphs.recipes.hv_recipe import HVRecipe


@dataclass(kw_only=True)
class NTSCCRecipe(HVRecipe):
    """See `HVRecipe`."""

    uses_importance: ClassVar[bool] = False

    @property
    def exponent(self) -> float:
        """0: all patches weigh the same."""
        return 0.0
