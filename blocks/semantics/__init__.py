"""What matters in a picture: objects, and how important they are."""

from linksim.blocks.semantics.class_importance import ClassImportance
from linksim.blocks.semantics.detection_files import read_detections
from linksim.blocks.semantics.drawn_importance import DrawnImportance
from linksim.blocks.semantics.importance_annotator import ImportanceAnnotator
from linksim.blocks.semantics.importance_student import ImportanceStudent
from linksim.blocks.semantics.object_detector import ObjectDetector
from linksim.blocks.semantics.rule_importance import RuleImportance

__all__ = [
    "ClassImportance",
    "DrawnImportance",
    "ImportanceAnnotator",
    "ImportanceStudent",
    "ObjectDetector",
    "RuleImportance",
    "read_detections",
]
