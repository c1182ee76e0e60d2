"""OOSC: SA-OOSC's link with one importance for all objects of a class, wherever they are."""

from collections.abc import Sequence

from linksim import Block, Detections, Flowgraph, Image
from linksim.blocks import ClassImportance, LagrangianRateAllocator, PatchImportance
from linksim.flowgraphs.parts import Codec, Header, PictureCodec, picture_link


def oosc(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """OOSC's link, with the parts of `sa_oosc`.

    The transmitter uses the classes of `detections` by a static table (`ClassImportance`); `boxes` and
    `known_importance`, which say what truly matters, go to the metrics alone. The codec takes labels from anywhere, so
    its weights are SA-OOSC's.
    Inputs: those of `picture_link`, and detections (an empty list where there are none).
    Source: SA-OOSC, section 4 (its ref. 13).
    """
    return picture_link(
        "oosc",
        codec or Codec("small"),
        rate or LagrangianRateAllocator(),
        header=header,
        channel=channel,
        labeller=class_labels(),
        inputs={"detections": Detections},
        metrics=metrics,
    )


def class_labels() -> Flowgraph:
    """Labels per patch from the classes of detected objects. Inputs: image, detections. Output: importance."""
    fg = Flowgraph("class_labels", inputs={"image": Image, "detections": Detections})
    fg.class_importance, fg.patches = ClassImportance(), PatchImportance()
    fg.connect(fg["detections"], fg.class_importance, fg.patches["boxes"])
    fg.connect(fg["image"], fg.patches["image"])
    fg.connect(fg.patches, fg["importance"])
    return fg
