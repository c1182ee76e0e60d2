"""How the codec of SA-OOSC and NTSCC is trained: three stages."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from linksim import Block, Flowgraph, Tied
from linksim.blocks import (
    PSNR,
    BitsPerPixel,
    Detokenizer,
    HVLoss,
    RandomRateAllocator,
    RateAllocator,
    SystemLoss,
    Tokenizer,
    TrainingCrops,
    WeightedDistortion,
)
from linksim.blocks.jscc.calibration import calibrate
from linksim.blocks.losses.sums import DEFAULT_LAMBDA
from linksim.blocks.sources.training_crops import training_pictures
from linksim.blocks.vectorizer.hv import transform_of
from linksim.errors import require
from linksim.flowgraphs.parts import Codec, IdealHeader, picture_link
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.flowgraphs.parts.training_link import training_link
from linksim.flowgraphs.recipes.imitation import TransformImitation, adopt
from linksim.flowgraphs.recipes.picture_recipe import PictureRecipe, add_training_link
from linksim.training import Stage
from linksim.weights import weights_path

VECTORIZER, CODER = ("vectorizer", "devectorizer"), ("jscc_encoder", "jscc_decoder")
CALIBRATION_PICTURES = 48
TAPS = ("entropy", "hyper_bits", "quantized")
RANDOM_LABELS = 0.6
MAX_ALPHA = 24.0
PRESETS = {"light": "conv_light", "small": "conv", "paper": "swin"}
"""The transform of each preset."""


@dataclass(kw_only=True)
class HVRecipe(PictureRecipe):
    """The vectorizer alone and without a channel, then the joint coder, then all together.

    With weights to start from, the first two stages are done already and left out. Where these weights are of another
    transform than the preset's, "small" for "light", they give all layers that both have, and teach the others first.

    Args:
        cbr: range of the mean rates, payload uses over 3*height*width.
        rate_weight: squared error on the 0..255 scale per bit per pixel.
        preset: size of the networks: "light", "small", or "paper", which wants a GPU. None is that of the weights to
            start from, or "light".

    Source: SA-OOSC appendix 13 and eqs. 13, 20.
    """

    cbr: tuple[float, float] = (0.012, 0.09)
    rate_weight: float = DEFAULT_LAMBDA
    preset: str | None = None

    rate_factors: ClassVar[Mapping[str, float]] = {".klt.": 0.03, ".boost.": 3.0, ".core.": 0.3}
    # The rate's running mean belongs to a checkpoint, but not to what is shipped.
    unshipped: ClassVar[Sequence[str]] = ("rate",)
    uses_importance: ClassVar[bool] = True

    def __post_init__(self) -> None:
        low, high = self.cbr
        require(0 < low <= high < 1, "cbr", "two rising numbers in 0..1", self.cbr)
        known = self.preset is None or self.preset in PRESETS
        require(known, "preset", f"one of {', '.join(PRESETS)}", self.preset)
        super().__post_init__()
        self.parts["rate"] = RandomRateAllocator(
            least_cbr=low, most_cbr=high, most_alpha=MAX_ALPHA if self.uses_importance else 0.0, rate_set="default"
        )

    @property
    @abstractmethod
    def exponent(self) -> float:
        """Of the importance weights 2^(exponent*I)."""

    @property
    def transform(self) -> str:
        """The transform that is trained."""
        if self.preset is None:
            return PRESETS["light"] if self.start is None else transform_of(self.start)
        return PRESETS[self.preset]

    def make_codec(self, start: str | None) -> PictureCodec:
        """See `PictureRecipe`."""
        transform = self.transform
        if start is None or transform_of(start) == transform:
            if start is not None:
                weights_path(start, "vectorizer")
            return Codec(start, transform=transform, importance_gain_db=0.0)
        codec, teacher = (Codec(name, transform=None if name else transform, importance_gain_db=0.0)
                          for name in (None, start))  # fmt: skip
        require(codec.token == teacher.token, "preset", f"of the transform of '{start}', or one like it", self.preset)
        for name, part in codec.parts.items():
            adopt(part, teacher.parts[name])
        return codec

    def make_validation_link(self) -> tuple[PictureCodec, Flowgraph]:
        """See `PictureRecipe`; with NTSCC's rate."""
        codec = self.make_codec(None)
        link = picture_link("validation", codec, RateAllocator(), header=IdealHeader(), uses_importance=False)
        return codec, link

    @property
    def stages(self) -> Sequence[Stage]:
        """The paper's three stages, or the last alone where the weights are trained already."""
        whole = (*VECTORIZER, *CODER)
        if self.start is not None and transform_of(self.start) != self.transform:
            return [
                Stage("imitation", 0.1, VECTORIZER, self.imitation),
                Stage("system", 0.9, whole, self.system),
            ]
        if self.start is not None:
            return [Stage("system", 1.0, whole, self.system)]
        return [
            Stage("vectorizer", 0.08, VECTORIZER, self.transform_alone),
            Stage("coding", 0.04, CODER, self.coding, prepare=self.calibrate),
            Stage("system", 0.88, whole, self.system),
        ]

    def transform_alone(self) -> Flowgraph:
        """The vectorizer and the devectorizer, no channel between."""
        fg = Flowgraph("transform_alone")
        fg.crops = self._crops()
        fg.tokenizer = Tokenizer(token=self.codec.token)
        fg.vectorizer, fg.devectorizer = self.parts["vectorizer"], self.parts["devectorizer"]
        fg.connect(fg.crops["image"], fg.tokenizer, fg.vectorizer)
        fg.connect(fg.vectorizer["quantized"], fg.devectorizer)
        fg.loss = HVLoss(rate_weight=self.rate_weight)
        self._noiseless(fg, fg.tokenizer, fg.vectorizer, fg.devectorizer, "distortion")
        return fg

    def imitation(self) -> Flowgraph:
        """The transform beside its teacher's."""
        fg = Flowgraph("imitation")
        fg.crops, fg.tokenizer = self._crops(), Tokenizer(token=self.codec.token)
        fg.connect(fg.crops["image"], fg.tokenizer)
        vectorizer, devectorizer = (self.parts[name] for name in VECTORIZER)
        fg.imitation = TransformImitation(vectorizer=vectorizer, devectorizer=devectorizer, teacher=self.start)  # pyright: ignore[reportArgumentType]
        fg.connect(fg.tokenizer["tokens"], fg.imitation["tokens"])
        fg.connect(fg.imitation, fg["loss"])
        return fg

    def coding(self) -> Flowgraph:
        """The whole link, for the error at its end alone."""
        fg = Flowgraph("coding")
        fg.crops, fg.snr = self._crops(), self.snr()
        add_training_link(fg, self._link(()))
        fg.connect(fg.link["distortion"], fg["loss"])
        return fg

    def system(self) -> Flowgraph:
        """The whole link, for the error at its end, the transform's own error and the rate."""
        fg = Flowgraph("system")
        fg.crops, fg.snr = self._crops(), self.snr()
        add_training_link(fg, self._link(TAPS))
        fg.tokenizer, fg.devectorizer = Tokenizer(token=self.codec.token), Tied(block=self.parts["devectorizer"])
        fg.connect(fg.crops["image"], fg.tokenizer)
        fg.connect(fg.link["quantized"], fg.devectorizer)
        fg.loss = SystemLoss(rate_weight=self.rate_weight)
        self._noiseless(fg, fg.tokenizer, fg.link, fg.devectorizer, "noiseless_distortion")
        fg.connect(fg.link["distortion"], fg.loss["distortion"])
        return fg

    def _crops(self) -> TrainingCrops:
        random_labels = RANDOM_LABELS if self.uses_importance else 0.0
        return self.crops(importance_exponent=self.exponent, random_labels=random_labels)

    def _link(self, taps: Sequence[str]) -> Flowgraph:
        return training_link(
            "link",
            self.codec,
            self.parts["rate"],  # pyright: ignore[reportArgumentType]
            fading_share=self.fading_share,
            importance_exponent=self.exponent,
            psnr_weighting=self.psnr_weighting,
            taps=taps,
        )

    def _noiseless(self, fg: Flowgraph, tokenizer: Block, seen: Block, devectorizer: Block, port: str) -> None:
        """The transform's own distortion and rate, into the stage's `loss`, and figures for the log."""
        fg.detokenizer, fg.own_distortion = Detokenizer(), WeightedDistortion(exponent=self.exponent)
        fg.bits, fg.noiseless_psnr = BitsPerPixel(), PSNR()
        fg.connect(devectorizer, fg.detokenizer, fg.own_distortion, fg.loss[port])
        fg.connect(tokenizer["size"], fg.detokenizer["size"])
        for block in (fg.own_distortion, fg.noiseless_psnr):
            fg.connect(fg.crops["image"], block["original"])
        for name in ("importance", "mean_weight"):
            fg.connect(fg.crops[name], fg.own_distortion[name])
        fg.connect(seen["entropy"], fg.bits["entropy"])
        fg.connect(seen["hyper_bits"], fg.bits["hyper_bits"])
        fg.connect(fg.bits, fg.loss["rate"])
        fg.connect(fg.detokenizer, fg.noiseless_psnr["image"])
        for block, output in ((fg.loss, "loss"), (fg.bits, "bits_per_pixel"), (fg.noiseless_psnr, "noiseless_psnr")):
            fg.connect(block, fg[output])

    @torch.no_grad()
    def calibrate(self) -> None:
        """Before the joint coder learns, set its linear cores in closed form."""
        low, high = self.cbr
        rate = RateAllocator(target_cbr=(low * high) ** 0.5, alpha=0.0)
        tokenizer, vectorizer = Tokenizer(token=self.codec.token), self.parts["vectorizer"].eval()
        latents: list[Tensor] = []
        lengths: list[Tensor] = []
        for image in training_pictures(self.pictures, self.crop).calibration_pictures(CALIBRATION_PICTURES):
            tokens, size = tokenizer(image=image)
            seen = vectorizer(tokens=tokens.to(vectorizer.device))
            latents.append(seen.latent.cpu())
            lengths.append(rate(entropy=seen.entropy.cpu(), size=size).lengths)
        fresh = self.make_codec(None)
        calibrate(fresh.encoder, fresh.decoder, latents, lengths)  # pyright: ignore[reportArgumentType]
        for name in CODER:
            self.parts[name].load_state_dict(fresh.parts[name].state_dict())
