"""How SGDJSCC's small diffusion model is trained: on noisy latents, guided by edges and captions that were sent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from linksim import Block, Flowgraph
from linksim.blocks import (
    BRISQUE,
    PSNR,
    EdgeMap,
    LatentDenoiser,
    PowerNormalizer,
    SalientCrops,
    SGDJSCCEncoder,
    Tokenizer,
    UniformDecibels,
)
from linksim.blocks.generative.sgdjscc import CODEC
from linksim.blocks.jscc.swinjscc import MAX_USES
from linksim.blocks.sources.salient_crops import held_out_salient
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.errors import require
from linksim.flowgraphs.caption_stream import caption_stream
from linksim.flowgraphs.parts import IdealHeader, SGDJSCCCodec
from linksim.flowgraphs.recipes.picture_recipe import described_salient, described_weights
from linksim.flowgraphs.sgdjscc import edge_link, sgdjscc
from linksim.training import Recipe, Stage
from linksim.types import PATCH, Codeword, Image, ReceivedCodeword, Score, Text, sent_mask

NO_EDGES_SHARE = 0.1
VALIDATED, VALIDATION_SNRS_DB, VALIDATION_CBR = 16, (1.0, 10.0), 1 / 24


class NoisyLatents(NamedTuple):
    """Latents with noise, those that were sent, and what guides the receiver."""

    received: ReceivedCodeword
    sent: Codeword
    edges: Image
    text: Text


class LatentCrops(Block):
    """Crops as the latents of SwinJSCC's network, at random rates, with noise of random strength.

    A tenth of the edges is lost, as a receiver shows it.
    """

    def __init__(
        self, *, folders: tuple[str, ...], maps: str, crop: int, snr_db: tuple[float, float], cbr: tuple[float, float]
    ) -> None:
        super().__init__()
        self.crops = SalientCrops(folders=folders, maps=maps, crop=crop)
        self.noise = UniformDecibels(least=snr_db[0], most=snr_db[1])
        self.edge_noise = UniformDecibels(least=-1.0, most=15.0)
        self.cbr = cbr
        # Not parts of this block: the codec does not learn.
        self._encoder, self._edge_link = (SGDJSCCEncoder(weights=CODEC).eval(),), (edge_link(IdealHeader()).eval(),)

    @torch.no_grad()
    def forward(self, batch: int) -> NoisyLatents:
        original, _, text = self.crops(batch=batch)
        lengths = self._lengths(batch, original)
        codeword = self._encoder[0].to(self.device)(tokens=Tokenizer(token=4)(image=original).tokens, lengths=lengths)
        codeword, power = PowerNormalizer()(codeword=codeword, lengths=lengths)
        sent = sent_mask(lengths, MAX_USES)
        variance = 10 ** (-self.noise(batch=batch) / 10)[:, None, None, None]
        noise = torch.randn(*codeword.shape, 2, generator=self.rng, device=self.device)
        noisy = codeword + (variance / 2).sqrt() * torch.view_as_complex(noise) * sent
        told = torch.where(sent, variance, 1.0)
        received = ReceivedCodeword(noisy, sent.to(codeword), told, lengths, power)
        return NoisyLatents(received, codeword, self._edges(original), text)

    def _lengths(self, batch: int, original: Tensor) -> Tensor:
        low, high = (torch.tensor(cbr * 3 * PATCH**2).log() for cbr in self.cbr)
        draws = torch.rand(batch, generator=self.rng, device=self.device)
        lengths = (low + (high - low) * draws).exp().round().long().clamp(1, MAX_USES)
        rows, cols = (side // PATCH for side in original.shape[2:])
        return lengths[:, None, None].expand(-1, rows, cols).contiguous()

    def _edges(self, original: Tensor) -> Tensor:
        batch, link = len(original), self._edge_link[0].to(self.device)
        seed = int(torch.randint(1 << 31, (), generator=self.rng, device=self.device))
        arrived = link.run(image=EdgeMap()(image=original), snr_db=self.edge_noise(batch=batch), seed=seed)["image"]
        lost = torch.rand(batch, 1, 1, 1, generator=self.rng, device=self.device) < NO_EDGES_SHARE
        return torch.where(lost, 0.5, arrived)


class LatentDistortion(Block):
    """Squared error of the latent, each dimension weighted by what it means for the pixels; its mean [batch]."""

    def __init__(self) -> None:
        super().__init__()
        variance = klt_basis()[1][: 2 * MAX_USES].sqrt()
        self.register_buffer("weight", variance / variance.mean(), persistent=False)

    def forward(self, found: ReceivedCodeword, sent: Codeword) -> Score:
        power = found.power[:, None, None, None]
        off = torch.view_as_real((found.codeword - sent) * power.sqrt()).flatten(-2).square()
        return Score((off * self.get_buffer("weight")).sum(-1).mean((1, 2)))


@dataclass(kw_only=True)
class SGDJSCCRecipe(Recipe):
    """Squared error of one step of the diffusion model, at all noises that its steps meet.

    The codec does not learn. Pictures that have captions are guided by one of them, the others by none.

    Args:
        pictures, saliency: as for `GenEDRecipe`; the maps are not used.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
        snr_db: range of the signal over the noise, in dB; steps after the first meet less noise than the channel has.
        cbr: range of the rates, payload uses over 3*height*width.
        batch: crops in a batch.
        crop: edge of a crop in pixels, a multiple of 64.
    """

    pictures: tuple[str, ...]
    saliency: str = ""
    start: str | None = None
    snr_db: tuple[float, float] = (-3.0, 25.0)
    cbr: tuple[float, float] = (0.01, 0.083)
    batch: int = 12
    crop: int = 192

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-5 <= low <= high <= 30, "snr", "two rising numbers in -5..30 dB", self.snr_db)
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)
        self.denoiser = LatentDenoiser(weights=self.start)
        self.parts = {"latent_denoiser": self.denoiser}

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage("latent", 1.0, tuple(self.parts), self.graph)]

    def graph(self) -> Flowgraph:
        """Noisy latents, denoised, beside those that were sent."""
        fg = Flowgraph("latent")
        fg.crops = LatentCrops(
            folders=self.pictures, maps=self.saliency, crop=self.crop, snr_db=self.snr_db, cbr=self.cbr
        )  # fmt: skip
        fg.denoiser, fg.loss, fg.before = self.denoiser, LatentDistortion(), LatentDistortion()
        for name in ("received", "edges", "text"):
            fg.connect(fg.crops[name], fg.denoiser[name])
        fg.connect(fg.denoiser, fg.loss["found"])
        fg.connect(fg.crops["received"], fg.before["found"])
        for block in (fg.loss, fg.before):
            fg.connect(fg.crops["sent"], block["sent"])
        fg.connect(fg.before, fg["noise"])
        fg.connect(fg.loss, fg["loss"])
        return fg

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR in dB and BRISQUE of held-out pictures, over AWGN at 1 and 10 dB, CBR 1/24, edges and caption within."""
        found: dict[str, list[float]] = {}
        link = self._link().to(self.denoiser.device)
        for number, picture in enumerate(held_out_salient(self.pictures, self.saliency)[:VALIDATED]):
            image = picture.image()[None].to(self.denoiser.device)
            text = Text.of(list(picture.captions[:1]) or ["a picture"]).to(image.device)
            for snr_db in VALIDATION_SNRS_DB:
                shown = link.run(image=image, text=text, snr_db=snr_db, seed=number)["image"].clamp(0, 1)
                scores: dict[str, Score] = {
                    "psnr": PSNR()(image=shown, original=image),
                    "brisque": BRISQUE()(image=shown),
                }
                for metric, score in scores.items():
                    found.setdefault(f"{metric}_{snr_db:g}dB", []).append(float(score.value))
        return {name: sum(values) / len(values) for name, values in found.items()}

    def _link(self) -> Flowgraph:
        codec = SGDJSCCCodec(None, codec=CODEC)
        mine = codec.decoder.get_submodule("denoiser")
        mine.load_state_dict(self.denoiser.state_dict())
        link = sgdjscc(
            target_cbr_total=VALIDATION_CBR, codec=codec, header=IdealHeader(), caption_link=caption_stream()
        )  # fmt: skip
        return link.eval()

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        own = {"start": described_weights(self.start), "codec": described_weights(CODEC)}
        return json.loads(json.dumps({**asdict(self), **own, **described_salient(self.pictures, self.saliency)}))
