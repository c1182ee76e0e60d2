"""What the shipped weights make of a fixed input: kept, so that an upgrade that changes it is seen.

    .venv/bin/python tests/linksim/kept_outputs.py

writes tests/linksim/kept_outputs.safetensors anew: for weights that were trained again, and for nothing else.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from skimage import data
from torch import Tensor
from torch.nn import functional

from linksim import Flowgraph
from linksim.blocks import (
    CandidateEditor,
    Captioner,
    FixedRate,
    ImportanceStudent,
    PictureEditor,
    PictureEnhancer,
    PictureGenerator,
)
from linksim.flowgraphs import deepjscc, deepjscc_cnn, gened_sc, ntscc, sa_oosc, sgdjscc, swinjscc, text_link, uidsc
from linksim.flowgraphs.parts import (
    Codec,
    DeepJSCCCNNCodec,
    DeepJSCCCodec,
    GenEDCodec,
    NoHeader,
    SGDJSCCCodec,
    SwinJSCCCodec,
    UIDSCCodec,
)
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.types import Detections, Text

FILE = Path(__file__).with_suffix(".safetensors")
CAPTION = "vlm_csc, caption"
QUIET_DB = 60.0
"""An SNR at which the noise changes nothing that a comparison sees."""
SENTENCE = Text.of(["the house is on the left of the road"])


def picture() -> Tensor:
    """A photograph of 64x64 pixels."""
    pixels = torch.from_numpy(data.astronaut()[:256, 80:336].copy()).movedim(-1, 0)[None].float() / 255
    return functional.avg_pool2d(pixels, 4)


def _sent(link: Flowgraph, **more: Tensor) -> Tensor:
    return link.eval().run(image=picture(), snr_db=QUIET_DB, seed=1, **more)["image"]


def _masked(weights: str) -> Tensor:
    mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[:, 16:48, 16:48] = True
    return _sent(uidsc(codec=UIDSCCodec(weights), header=NoHeader()), mask=mask)


def _said(weights: str) -> Tensor:
    """The bytes of the sentence that arrived."""
    found = text_link(codec=TextCodec(weights)).eval().run(text=SENTENCE, snr_db=QUIET_DB, seed=1)["text"]
    return torch.tensor(list(found.sentences[0].encode()), dtype=torch.uint8)


def _known(weights: str) -> Tensor:
    """A picture from a sentence."""
    generator = PictureGenerator(model=weights).seed(1)
    return generator(text=Text.of(["a brown dog"]))


def _edited(weights: str) -> Tensor:
    lengths = torch.full((1, 4, 4), 16)
    return PictureEditor(weights=weights)(image=picture(), lengths=lengths, snr_db=torch.tensor([4.0])).image


def _painted(weights: str) -> Tensor:
    coarse = functional.interpolate(functional.avg_pool2d(picture(), 8), (64, 64))
    return CandidateEditor(weights=weights).editor(
        image=coarse, lengths=torch.full((1, 4, 4), 16), snr_db=torch.tensor([10.0])
    ).image  # fmt: skip


def _judged(weights: str) -> Tensor:
    """What the scene network sees, and how the judges of objects label one box."""
    student = ImportanceStudent(weights=weights)
    corners, sure = torch.tensor([[[10.0, 10.0, 50.0, 60.0]]]), torch.tensor([[0.9]])
    seen, detections = student.look(picture()), Detections(corners, torch.tensor([[0]]), sure)
    parts = [each.float().flatten()[::101] for each in seen]
    return torch.cat([*parts, student.judge(detections, 0, (64, 64), seen).float().flatten()])


def _described(weights: str) -> Tensor:
    """The bytes of a sentence from a picture."""
    found = Captioner(model=weights)(image=picture()).sentences[0]
    return torch.tensor(list(found.encode()), dtype=torch.uint8)


def _single_rate(weights: str) -> Tensor:
    codec = DeepJSCCCNNCodec(weights)
    return _sent(deepjscc_cnn(codec=codec, rate=FixedRate(target_cbr=1 / 12), header=NoHeader()))


MADE: dict[str, Callable[[str], Tensor]] = {
    "light": lambda name: _sent(sa_oosc(codec=Codec(name), header=NoHeader())),
    "small": lambda name: _sent(sa_oosc(codec=Codec(name), header=NoHeader())),
    "ntscc": lambda name: _sent(ntscc(codec=Codec(name), header=NoHeader())),
    "deepjscc": lambda name: _sent(deepjscc(codec=DeepJSCCCodec(name), header=NoHeader())),
    **dict.fromkeys(("deepjscc_cnn", "deepjscc_cnn_0db", "deepjscc_cnn_25db"), _single_rate),
    **dict.fromkeys(
        ("swinjscc", "swinjscc_noisy"), lambda name: _sent(swinjscc(codec=SwinJSCCCodec(name), header=NoHeader()))
    ),
    "uidsc": _masked,
    "gened_sc": lambda name: _sent(
        gened_sc(codec=GenEDCodec(name), header=NoHeader(), editor=PictureEditor(weights=None))
    ),
    "gened_editor": _edited,
    "hosonuma25": _painted,
    "sgdjscc": lambda name: _sent(sgdjscc(codec=SGDJSCCCodec(name), header=NoHeader())),
    "enhancer": lambda name: PictureEnhancer(weights=name)(image=picture(), detail=torch.ones(1, 4, 4)),
    "student": lambda name: _judged(name),
    "europarl": _said,
    "captions": _said,
    "vlm_csc": _known,
    CAPTION: lambda _: _described("vlm_csc"),
}
"""What to make with each of the shipped weights."""


def made(name: str) -> Tensor:
    """The output of shipped weights: of numbers each eleventh, of text all."""
    with torch.no_grad():
        found = MADE[name](name).detach().flatten()
    return found[:: 11 if found.is_floating_point() else 1].contiguous()


def main() -> None:
    """Write the file."""
    from safetensors.torch import save_file

    save_file({name: made(name) for name in MADE}, FILE)
    print(f"{FILE.name}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
