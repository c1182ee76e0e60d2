"""How much each patch matters."""

from linksim.blocks.importance.box_files import read_boxes
from linksim.blocks.importance.patch_importance import PatchImportance, importance_of_masks

__all__ = ["PatchImportance", "importance_of_masks", "read_boxes"]
