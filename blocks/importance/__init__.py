"""How much each patch matters."""

from linksim.blocks.importance.patch_importance import PatchImportance

__all__ = ["PatchImportance"]
