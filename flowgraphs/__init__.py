"""Ready links, one file per system."""

from linksim.flowgraphs.bpsk import bpsk
from linksim.flowgraphs.caption_stream import caption_stream
from linksim.flowgraphs.coded_qam import coded_qam
from linksim.flowgraphs.deepjscc import deepjscc
from linksim.flowgraphs.deepjscc_cnn import deepjscc_cnn
from linksim.flowgraphs.digital_text import digital_text
from linksim.flowgraphs.gened_sc import gened_sc
from linksim.flowgraphs.hosonuma25 import hosonuma25
from linksim.flowgraphs.keras_deepjscc import keras_deepjscc
from linksim.flowgraphs.klt import klt
from linksim.flowgraphs.nam24 import nam24
from linksim.flowgraphs.ntscc import ntscc
from linksim.flowgraphs.numbered_text import numbered_text
from linksim.flowgraphs.oosc import oosc
from linksim.flowgraphs.sa_oosc import sa_oosc
from linksim.flowgraphs.semantic_separation import semantic_separation
from linksim.flowgraphs.separation import CODEC_LINKS, separation
from linksim.flowgraphs.sgdjscc import sgdjscc
from linksim.flowgraphs.swinjscc import swinjscc
from linksim.flowgraphs.text_link import text_link
from linksim.flowgraphs.uidsc import uidsc
from linksim.flowgraphs.vlm_csc import vlm_csc
from linksim.flowgraphs.waveform_channel import waveform_channel

LINKS = {
    "klt": klt,
    "sa_oosc": sa_oosc,
    "ntscc": ntscc,
    "deepjscc": deepjscc,
    "swinjscc": swinjscc,
}
"""The links that carry pictures by a joint codec and need nothing but the picture, by name."""

USES_IMPORTANCE = ("klt", "sa_oosc")
"""Those of them whose rate uses importance."""

DIGITAL_LINKS = {**CODEC_LINKS, "semantic_separation": semantic_separation}
"""The digital links, by name."""

TEXT_LINKS = {"text_link": text_link, "digital_text": digital_text, "numbered_text": numbered_text}
"""The links that carry sentences, by name."""

FLOWGRAPHS = {
    "bpsk": bpsk,
    "coded_qam": coded_qam,
    "separation": separation,
    "oosc": oosc,
    **LINKS,
    **DIGITAL_LINKS,
    **TEXT_LINKS,
    "vlm_csc": vlm_csc,
    "uidsc": uidsc,
    "deepjscc_cnn": deepjscc_cnn,
    "gened_sc": gened_sc,
    "caption_stream": caption_stream,
    "nam24": nam24,
    "hosonuma25": hosonuma25,
    "sgdjscc": sgdjscc,
    "waveform_channel": waveform_channel,
}
"""All ready flowgraphs, by name; each can be made without arguments."""

__all__ = [
    "DIGITAL_LINKS",
    "FLOWGRAPHS",
    "LINKS",
    "TEXT_LINKS",
    "USES_IMPORTANCE",
    "bpsk",
    "caption_stream",
    "coded_qam",
    "deepjscc",
    "deepjscc_cnn",
    "digital_text",
    "gened_sc",
    "hosonuma25",
    "keras_deepjscc",
    "klt",
    "nam24",
    "ntscc",
    "numbered_text",
    "oosc",
    "sa_oosc",
    "semantic_separation",
    "separation",
    "sgdjscc",
    "swinjscc",
    "text_link",
    "uidsc",
    "vlm_csc",
    "waveform_channel",
]
