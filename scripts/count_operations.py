"""Parameters, and multiplications per pixel, of the codecs that send masked pictures.

    .venv/bin/python scripts/count_operations.py

Convolutions, matrix products and attention are counted, for a picture of 256x256 pixels at the codec's usual rate;
what works place by place (activations, the products of MGA's dynamic kernels) is left out.
"""

import torch
from torch.utils.flop_counter import FlopCounterMode

from linksim.blocks import FixedRate
from linksim.flowgraphs.parts import (
    Codec,
    DeepJSCCCNNCodec,
    DeepJSCCCodec,
    IdealHeader,
    PictureCodec,
    SwinJSCCCodec,
    UIDSCCodec,
    picture_link,
)
from linksim.types import Mask

EDGE, CBR = 256, 1 / 12
CODECS = {
    "UIDSC": UIDSCCodec,
    "SA-OOSC (light)": Codec,
    "DeepJSCC as published": DeepJSCCCNNCodec,
    "DeepJSCC": DeepJSCCCodec,
    "SwinJSCC": SwinJSCCCodec,
}


def main() -> None:
    """Count, print."""
    print("| codec | parameters, M | transmitter, 1000 multiplications a pixel | receiver |")
    print("| --- | ---: | ---: | ---: |")
    for name, make in CODECS.items():
        codec = make()
        near, far = counted(codec)
        parameters = sum(p.numel() for part in codec.parts.values() for p in part.parameters())
        print(f"| {name} | {parameters / 1e6:.2f} | {near:.1f} | {far:.1f} |")


def counted(codec: PictureCodec) -> tuple[float, float]:
    """Thousands of multiplications per pixel of both ends."""
    masked = "mask" in codec.encoder.input_ports
    link = picture_link(
        "link", codec, FixedRate(target_cbr=CBR), header=IdealHeader(), uses_importance=False,
        inputs={"mask": Mask} if masked else None,
    )  # fmt: skip
    given = {"mask": torch.ones(1, EDGE, EDGE, dtype=torch.bool)} if masked else {}
    counter = FlopCounterMode(display=False)
    with counter:
        link.run(image=torch.full((1, 3, EDGE, EDGE), 0.5), snr_db=10.0, seed=1, **given)
    counts = counter.get_flop_counts()
    near, far = (
        sum(sum(counts.get(type(block).__name__, {}).values()) for block in blocks if block is not None)
        # A product and a sum count as two operations.
        / 2 / EDGE**2 / 1e3
        for blocks in ((codec.vectorizer, codec.encoder), (codec.decoder, codec.devectorizer))
    )  # fmt: skip
    return near, far


if __name__ == "__main__":
    main()
