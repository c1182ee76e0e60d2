"""What training minimises, one value per picture."""

from linksim.blocks.losses.adversarial import AdversarialLoss
from linksim.blocks.losses.bits_per_pixel import BitsPerPixel
from linksim.blocks.losses.contextual import ContextualLoss
from linksim.blocks.losses.foreground_distortion import ForegroundDistortion
from linksim.blocks.losses.perceptual import PerceptualLoss
from linksim.blocks.losses.semantic_matching import SemanticMatchingLoss
from linksim.blocks.losses.sums import EditorLoss, GenEDLoss, HVLoss, RegionLoss, SystemLoss
from linksim.blocks.losses.weighted_distortion import WeightedDistortion

__all__ = [
    "AdversarialLoss",
    "BitsPerPixel",
    "ContextualLoss",
    "EditorLoss",
    "ForegroundDistortion",
    "GenEDLoss",
    "HVLoss",
    "PerceptualLoss",
    "RegionLoss",
    "SemanticMatchingLoss",
    "SystemLoss",
    "WeightedDistortion",
]
