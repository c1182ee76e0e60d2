"""OOSC: SA-OOSC's link with one importance for all objects of a class, wherever they are."""

from linksim import Detections, Flowgraph, Image
from linksim.blocks import ClassImportance, LagrangianRateAllocator, PatchImportance
from linksim.flowgraphs.parts import Codec, PictureSystem


def class_labels() -> Flowgraph:
    """Labels per patch from the classes of detected objects. Inputs: image, detections. Output: importance."""
    fg = Flowgraph("class_labels", inputs={"image": Image, "detections": Detections})
    fg.class_importance, fg.patches = ClassImportance(), PatchImportance()
    fg.connect(fg["detections"], fg.class_importance, fg.patches["boxes"])
    fg.connect(fg["image"], fg.patches["image"])
    fg.connect(fg.patches, fg["importance"])
    return fg


oosc = PictureSystem(
    "oosc",
    """OOSC's link, with the default parts of `sa_oosc`.

    The transmitter uses the classes of the input `detections` (an empty list where there are none) by a static table
    (`ClassImportance`); `boxes` and `known_importance`, which say what truly matters, go to the metrics alone. The
    codec takes labels from anywhere, so its weights are SA-OOSC's.
    Source: SA-OOSC, section 4 (its ref. 13).
    """,
    codec=Codec,
    rate=LagrangianRateAllocator,
    labeller=class_labels,
    inputs={"detections": Detections},
)
