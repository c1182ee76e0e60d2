"""How SA-OOSC's and NTSCC's codec is trained: its stages, its loss."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from linksim.blocks import HVLoss, JSCCDecoder, JSCCEncoder, RateAllocator, SystemLoss, WeightedDistortion
from linksim.blocks.jscc.calibration import calibrate
from linksim.blocks.sources.training_pictures import TrainingPictures
from linksim.flowgraphs.codec_task import CodecTask, Recipe, mean_decibels
from linksim.flowgraphs.hv_codec import TRANSFORMER_BLOCKS
from linksim.flowgraphs.ntscc import ntscc, ntscc_training
from linksim.flowgraphs.sa_oosc import sa_oosc_training
from linksim.randomness import derive_seed
from linksim.training import Stage
from linksim.types import Score

PARTS = ("vectorizer", "devectorizer", "jscc_encoder", "jscc_decoder")
CODER = ("jscc_encoder", "jscc_decoder")
VECTORIZER, CODING, SYSTEM = "vectorizer", "coding", "system"
CALIBRATION_PICTURES = 48
MADE_UP, MADE_UP_SHARES, CELL = 0.6, (0.7, 0.1, 0.1, 0.1), 4
"""So many plain pictures get labels by chance, drawn by these shares for areas of so many patches each way: what the
coder learns about importance must not hang on what street scenes hold."""


class HVTask(CodecTask):
    """A `linksim.training.Task`: the vectorizer alone and noiseless, then the joint coder, then all together.

    With weights to start from, the first two stages are done already and left out. `importance`: whether patches weigh
    and get uses by their labels, as in SA-OOSC, or all alike, as in NTSCC.
    Source: SA-OOSC appendix 13 and eqs. 13, 20.
    """

    shipped: Mapping[str, str] = {part: part for part in PARTS}
    rate_factors: Mapping[str, float] = {".klt.": 0.03, ".boost.": 3.0, ".core.": 0.3}

    def __init__(
        self, recipe: Recipe, pictures: TrainingPictures, device: torch.device, *, importance: bool = True
    ) -> None:
        self.importance = importance
        self.exponent = recipe.importance_exponent if importance else 0.0
        train = partial(sa_oosc_training, importance_exponent=self.exponent) if importance else ntscc_training
        link = train(
            weights=recipe.weights,
            transform=recipe.transform,
            least_cbr=recipe.cbr[0],
            most_cbr=recipe.cbr[1],
            fading_share=recipe.fading_share,
            evenness=recipe.evenness,
        )
        judge = ntscc(weights=None, transform=recipe.transform, header="ideal")
        super().__init__(recipe, pictures, device, link, judge)
        # The rate's running mean belongs to a checkpoint, but not to what is shipped.
        self.parts: Mapping[str, nn.Module] = {**self.parts, "rate": self.blocks["rate"]}
        self.hv_loss = HVLoss(rate_weight=recipe.rate_weight)
        self.system_loss = SystemLoss(rate_weight=recipe.rate_weight)
        self.noiseless_distortion = WeightedDistortion(exponent=self.exponent)
        self.mean_weight = pictures.mean_labelled(lambda labels: torch.exp2(labels * self.exponent))
        self._mean_made_up_weight = sum(
            share * 2 ** (self.exponent * label) for label, share in enumerate(MADE_UP_SHARES)
        )

    @property
    def stages(self) -> Sequence[Stage]:
        """The paper's three stages, or the last alone where the weights are trained already."""
        if self.recipe.weights is not None:
            return [Stage(SYSTEM, 1.0, PARTS)]
        return [Stage(VECTORIZER, 0.08, PARTS[:2]), Stage(CODING, 0.04, CODER), Stage(SYSTEM, 0.88, PARTS)]

    @torch.no_grad()
    def prepare(self, stage: str) -> None:
        """Before the joint coder learns, set its linear cores in closed form."""
        if stage != CODING:
            return
        low, high = self.recipe.cbr
        rate = RateAllocator(target_cbr=(low * high) ** 0.5, alpha=0.0)
        latents: list[Tensor] = []
        lengths: list[Tensor] = []
        for image in self.pictures.calibration_pictures(CALIBRATION_PICTURES):
            tokens, size = self.blocks["tokenizer"](image=image)
            seen = self.blocks["vectorizer"].eval()(tokens=tokens.to(self.device))
            latents.append(seen.latent.cpu())
            lengths.append(rate(entropy=seen.entropy.cpu(), size=size).lengths)
        blocks = TRANSFORMER_BLOCKS[self.recipe.transform]
        encoder, decoder = JSCCEncoder(transformer_blocks=blocks), JSCCDecoder(transformer_blocks=blocks)
        calibrate(encoder, decoder, latents, lengths)
        for name, fresh in (("jscc_encoder", encoder), ("jscc_decoder", decoder)):
            self.blocks[name].load_state_dict(fresh.state_dict())

    def loss(self, stage: str, seed: int) -> tuple[Tensor, dict[str, float]]:
        """One batch; see `Task`."""
        generator = torch.Generator().manual_seed(seed)
        image, importance, labelled = (t.to(self.device) for t in self.pictures.batch(self.batch, generator))
        mean_weight = torch.where(labelled, self.mean_weight, 1.0)
        if self.importance:
            importance, made_up = self._made_up_labels(importance, labelled, generator)
            mean_weight = torch.where(made_up, self._mean_made_up_weight, mean_weight)
        snr_db = self.draw_snr_db(generator)
        self.link.seed(derive_seed(seed, "noise"))
        figures: dict[str, float] = dict.fromkeys(
            ("end_to_end_db", "noiseless_db", "bits_per_pixel", "mean_uses"), math.nan
        )
        with self.half_precision():
            if stage == VECTORIZER:
                seen = self.blocks["vectorizer"](tokens=self.blocks["tokenizer"](image=image).tokens)
                rate = self.blocks["bits"](entropy=seen.entropy, hyper_bits=seen.hyper_bits)
                noiseless, rebuilt = self._noiseless(image, importance, mean_weight, seen.quantized)
                total = self.hv_loss(distortion=noiseless, rate=rate)
            else:
                out = self.link(
                    image=image, importance=importance, mean_weight=mean_weight, snr_db=snr_db, probe=["rate.lengths"]
                )
                figures["end_to_end_db"] = mean_decibels(out["image"], image)
                figures["mean_uses"] = float(out["rate.lengths"].float().mean())
                if stage == CODING:
                    return out["distortion"].value.mean(), figures
                rate = out["rate"]
                noiseless, rebuilt = self._noiseless(image, importance, mean_weight, out["quantized"])
                total = self.system_loss(distortion=out["distortion"], noiseless_distortion=noiseless, rate=rate)
        figures["noiseless_db"] = mean_decibels(rebuilt, image)
        figures["bits_per_pixel"] = float(rate.value.detach().mean())
        return total.value.mean(), figures

    def _made_up_labels(
        self, importance: Tensor, labelled: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Labels by chance for some of the plain pictures, and which those are, bool [batch]."""
        batch, rows, cols = importance.shape
        made_up = ~labelled & (torch.rand(batch, generator=generator) < MADE_UP).to(labelled.device)
        cells = -(-rows // CELL), -(-cols // CELL)
        drawn = torch.multinomial(
            torch.tensor(MADE_UP_SHARES), batch * cells[0] * cells[1], replacement=True, generator=generator
        )
        labels = drawn.view(batch, *cells).repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)[:, :rows, :cols]
        return torch.where(made_up[:, None, None], labels.to(importance.device), importance), made_up

    def _noiseless(
        self, image: Tensor, importance: Tensor, mean_weight: Tensor, quantized: Tensor
    ) -> tuple[Score, Tensor]:
        """The vectorizer's own distortion, no channel between, and its picture."""
        tokens = self.blocks["devectorizer"](latent=quantized)
        size = torch.tensor([image.shape[2:]], device=self.device)
        rebuilt = self.blocks["detokenizer"](tokens=tokens, size=size)
        distortion = self.noiseless_distortion(
            image=rebuilt, original=image, importance=importance, mean_weight=mean_weight
        )
        return distortion, rebuilt
