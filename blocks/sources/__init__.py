"""Where data begins."""

from linksim.blocks.sources.bit_source import BitSource
from linksim.blocks.sources.coded_crops import CodedTrainingCrops
from linksim.blocks.sources.masked_crops import MaskedCrops
from linksim.blocks.sources.masked_scenes import MaskedScene, cityscapes_scenes, coco_scenes
from linksim.blocks.sources.picture_cases import PictureCases
from linksim.blocks.sources.picture_file import list_pictures, read_picture, readable_pictures
from linksim.blocks.sources.picture_source import PictureSource
from linksim.blocks.sources.salient_crops import SalientCrops
from linksim.blocks.sources.street_scenes import LabelledObjects, StreetScene, labelled_objects, street_scenes
from linksim.blocks.sources.training_crops import TrainingCrops
from linksim.blocks.sources.triangular_decibels import TriangularDecibels
from linksim.blocks.sources.uniform_decibels import UniformDecibels

__all__ = [
    "BitSource",
    "CodedTrainingCrops",
    "LabelledObjects",
    "MaskedCrops",
    "MaskedScene",
    "PictureCases",
    "PictureSource",
    "SalientCrops",
    "StreetScene",
    "TrainingCrops",
    "TriangularDecibels",
    "UniformDecibels",
    "cityscapes_scenes",
    "coco_scenes",
    "labelled_objects",
    "list_pictures",
    "read_picture",
    "readable_pictures",
    "street_scenes",
]
