"""What a user wants of a picture: the region that a sentence asks for."""

from linksim.blocks.intent.class_activation import ClassActivationMasks
from linksim.blocks.intent.intent_mask import IntentMask
from linksim.blocks.intent.mask_importance import MaskImportance
from linksim.blocks.intent.masked_picture import MaskedPicture

__all__ = [
    "ClassActivationMasks",
    "IntentMask",
    "MaskImportance",
    "MaskedPicture",
]
