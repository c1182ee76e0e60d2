"""A link inside a flowgraph that judges it from outside."""

from linksim import Block, Flowgraph, Importance
from linksim.flowgraphs.parts.picture_link import PICTURE_INPUTS
from linksim.flowgraphs.parts.quality import add_labels, add_quality

GIVEN = "given_importance"


def judged(link: Flowgraph, *, fade: Block | None = None, given: bool = False) -> Flowgraph:
    """The link as the block `link`, with the metrics of pictures around it.

    Args:
        link: a link that carries pictures.
        fade: a block from the mean SNR to the one that the link is told and has, as `InstantaneousSNR`.
        given: whether the link gets its importance from an input `given_importance`, while `boxes` and
            `known_importance` go to the metrics alone.

    Inputs: those of every link that carries pictures, and `given_importance`. Outputs: image, erased, psnr,
    psnr_delivered, patch_psnr per class, sad, cbr_total.
    """
    fg = Flowgraph("judged", inputs={**PICTURE_INPUTS, **({GIVEN: Importance} if given else {})})
    fg.link = link
    fg.connect(fg["image"], fg.link["image"])
    if fade is None:
        fg.connect(fg["snr_db"], fg.link["snr_db"])
    else:
        fg.fade = fade
        fg.connect(fg["snr_db"], fg.fade["snr_db"])
        fg.connect(fg.fade, fg.link["snr_db"])
    if given:
        fg.connect(fg[GIVEN], fg.link["known_importance"])
    else:
        fg.connect(fg["boxes"], fg.link["boxes"])
        fg.connect(fg["known_importance"], fg.link["known_importance"])
    add_labels(fg)
    add_quality(fg, fg.link["image"], fg.link["erased"], ())
    fg.connect(fg.link["cbr_total"], fg["cbr_total"])
    return fg
