"""How much each patch matters."""

from linksim.blocks.importance.box_files import read_boxes
from linksim.blocks.importance.patch_importance import PatchImportance

__all__ = ["PatchImportance", "read_boxes"]
