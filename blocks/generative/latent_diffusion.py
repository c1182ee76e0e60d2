"""SGDJSCC's two ends by the networks of Stable Diffusion: the latent of its autoencoder, and its diffusion steps."""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.generative.edge_map import Edges
from linksim.blocks.generative.sgdjscc import with_estimated_noise
from linksim.blocks.jscc.deepjscc import common_length
from linksim.blocks.jscc.undo_fading import to_symbols, undo_fading
from linksim.blocks.knowledge.caption_models import from_pretrained
from linksim.errors import LinksimError, require
from linksim.precision import single_precision
from linksim.randomness import global_state
from linksim.types import PATCH, Codeword, Lengths, ReceivedCodeword, Text, Tokens

MODEL = "stable-diffusion-v1-5/stable-diffusion-v1-5"
CHANNELS, FACTOR = 4, 8
"""Of the autoencoder's latent, and by how much its sides are smaller than the picture's."""
LATENT_USES = CHANNELS * (PATCH // FACTOR) ** 2 // 2
"""Complex uses per patch: CBR 1/96."""
LATENT_MULTIPLE = 8
"""Of the latent's sides, for the diffusion model's own halvings."""
STEPS, GUIDANCE = 50, 4.0
EDGE_SCALE = 0.1
"""How much the network of edges counts: the paper has 0.05 to 0.2, by the SNR."""


class LatentDiffusionEncoder(Block):
    """A picture's latent by the autoencoder of a Stable Diffusion model (extra `knowledge`).

    `LatentDiffusionDecoder` is its other end. Sent is the mean of the autoencoder's distribution, 4 numbers for
    8x8 pixels: CBR 1/96, whatever the SNR. `model`: a local folder, or a name that the hub's cache has or the hub
    gives; loaded with the first picture.

    Shapes: tokens [batch, 3, 16*rows, 16*cols], tokens of one pixel; lengths [batch, rows, cols], all 8; out [batch,
    rows, cols, 8]. No gradient.
    Source: SGDJSCC, Zhang et al., arXiv 2501.01138, whose own autoencoder has 16 channels.

    Raises:
        ParameterError: the lengths are not 8.
        LinksimError: diffusers is not installed, the model cannot be loaded, or its latent has another shape.

    >>> LatentDiffusionEncoder().model
    'stable-diffusion-v1-5/stable-diffusion-v1-5'
    """

    def __init__(self, *, model: str = MODEL) -> None:
        super().__init__()
        self.model = model

    @torch.no_grad()
    @single_precision
    def forward(self, tokens: Tokens, lengths: Lengths) -> Codeword:
        common_length(lengths, (LATENT_USES,))
        autoencoder = _pipeline(self.model, "").vae
        pixels = (2 * tokens - 1).to(autoencoder.device, autoencoder.dtype)
        latent = autoencoder.encode(pixels).latent_dist.mean * autoencoder.config.scaling_factor
        return to_symbols(functional.pixel_unshuffle(latent.to(tokens), PATCH // FACTOR))


class LatentDiffusionDecoder(Block):
    """Rebuild the pixels: the received latent is taken for what a Stable Diffusion model has at the step whose noise is
    the channel's, and its deterministic steps go on from there (extra `knowledge`).

    The noise is estimated as by `SGDJSCCDecoder`. A sentence guides the steps, with a guidance of 4; edges do where
    `edge_model` names a network of the kind ControlNet. Where nothing arrived the picture is grey.

    Args:
        model: as for `LatentDiffusionEncoder`; the same at both ends.
        edge_model: a network that takes edges, as "lllyasviel/control_v11p_sd15_softedge"; "" takes none.
        steps: of the diffusion model, 1 to 1000.

    Shapes: received as `ReceivedCodeword`, all lengths 8, or 0 where nothing arrived; edges and text as for
    `LatentDenoiser`; out [batch, 3, 16*rows, 16*cols] in [0, 1]. No gradient.
    Source: SGDJSCC, Zhang et al., arXiv 2501.01138; DDIM, Song et al., ICLR 2021.

    Raises:
        ParameterError: `steps` is out of range, or a length is neither 8 nor 0.
        LinksimError: as `LatentDiffusionEncoder`.

    >>> LatentDiffusionDecoder(steps=20).steps
    20
    """

    def __init__(self, *, model: str = MODEL, edge_model: str = "", steps: int = STEPS) -> None:
        super().__init__()
        require(1 <= steps <= 1000, "steps", "in 1..1000", steps)
        self.model, self.edge_model, self.steps = model, edge_model, steps

    @torch.no_grad()
    @single_precision
    def forward(self, received: ReceivedCodeword, edges: Edges | None = None, text: Text | None = None) -> Tokens:
        common_length(received.lengths, (LATENT_USES,))
        pipeline = _pipeline(self.model, self.edge_model)
        sentences = [""] * len(received.lengths) if text is None else text.sentences
        device, dtype = pipeline.vae.device, pipeline.vae.dtype
        latent, variances = _latent(with_estimated_noise(received))
        shown: list[Tensor] = []
        for number, (noisy, variance) in enumerate(zip(latent, variances.tolist(), strict=True)):
            if not bool(received.lengths[number].any()):
                shown.append(torch.full((3, *(FACTOR * side for side in noisy.shape[1:])), 0.5, device=device))
                continue
            seen = edges[number : number + 1] if edges is not None and self.edge_model else None
            clean = _steps(pipeline, noisy[None].to(device), variance, sentences[number], seen, self.steps)
            pixels = pipeline.vae.decode(clean.to(dtype) / pipeline.vae.config.scaling_factor).sample[0]
            shown.append((pixels.float() / 2 + 0.5).clamp(0, 1))
        return torch.stack(shown).to(received.power)


def _latent(received: ReceivedCodeword) -> tuple[Tensor, Tensor]:
    """The latent with its noise, [batch, channels, height/8, width/8], and the noise's variance, [batch]."""
    symbols, noise = undo_fading(received, 2 * LATENT_USES)
    power = received.power[:, None, None, None]
    values = (symbols * power.sqrt()).movedim(-1, 1)
    return functional.pixel_shuffle(values, PATCH // FACTOR), (noise * power).mean((1, 2, 3))


def _steps(
    pipeline: Any, noisy: Tensor, variance: float, sentence: str, edges: Tensor | None, count: int
) -> Tensor:  # fmt: skip
    """The latent at the end of the deterministic steps that begin where the model's noise is `variance`."""
    scheduler, network = pipeline.scheduler, pipeline.unet
    alphas = scheduler.alphas_cumprod.to(noisy.device)
    # What arrived is the latent plus noise; the model's is scaled to variance 1.
    first = int((alphas - 1 / (1 + variance)).abs().argmin())
    times = torch.linspace(first, 0, count).round().long().unique(sorted=True).flip(0).tolist()
    height, width = noisy.shape[2:]
    padding = (0, -width % LATENT_MULTIPLE, 0, -height % LATENT_MULTIPLE)
    x = functional.pad(noisy, padding, mode="replicate") * alphas[first].sqrt()
    words, edge_pixels = _words(pipeline, sentence), None if edges is None else _edge_pixels(edges, x)
    for number, time in enumerate(times):
        alpha = alphas[time]
        guess = _predicted(pipeline, network, x, time, words, edge_pixels)
        if scheduler.config.prediction_type == "v_prediction":
            clean, noise = alpha.sqrt() * x - (1 - alpha).sqrt() * guess, alpha.sqrt() * guess + (1 - alpha).sqrt() * x
        else:
            clean, noise = (x - (1 - alpha).sqrt() * guess) / alpha.sqrt(), guess
        after = alphas[times[number + 1]] if number + 1 < len(times) else torch.ones_like(alpha)
        x = after.sqrt() * clean + (1 - after).sqrt() * noise
    return x[..., :height, :width]


def _words(pipeline: Any, sentence: str) -> Tensor:
    """The sentence and no sentence as the model's text encoder has them, or no sentence alone."""
    with global_state:
        said, nothing = pipeline.encode_prompt(
            sentence, pipeline.vae.device, 1, do_classifier_free_guidance=True, negative_prompt=""
        )
    return torch.cat([nothing, said]) if sentence else nothing


def _predicted(pipeline: Any, network: Any, x: Tensor, time: int, words: Tensor, edge_pixels: Tensor | None) -> Tensor:
    """What the model predicts, pushed from the prediction without a sentence towards the one with it."""
    given = x.to(network.dtype).expand(len(words), -1, -1, -1)
    beside: dict[str, Any] = {}
    if edge_pixels is not None:
        down, middle = pipeline.controlnet(
            given, time, encoder_hidden_states=words, return_dict=False, conditioning_scale=EDGE_SCALE,
            controlnet_cond=edge_pixels.to(network.dtype).expand(len(words), -1, -1, -1),
        )  # fmt: skip
        beside = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
    found = network(given, time, encoder_hidden_states=words, **beside).sample.float()
    return found[:1] + GUIDANCE * (found[1:] - found[:1]) if len(found) == 2 else found


def _edge_pixels(edges: Tensor, latent: Tensor) -> Tensor:
    size = [FACTOR * side for side in latent.shape[2:]]
    return functional.interpolate(edges.to(latent), size, mode="bilinear").clamp(0, 1)


@cache
def _pipeline(model: str, edge_model: str) -> Any:
    try:
        with global_state:
            from diffusers import (
                ControlNetModel,  # pyright: ignore[reportPrivateImportUsage]
                StableDiffusionControlNetPipeline,  # pyright: ignore[reportPrivateImportUsage]
                StableDiffusionPipeline,  # pyright: ignore[reportPrivateImportUsage]
            )
    except ImportError:
        raise LinksimError("diffusers is not installed; install it with: pip install 'linksim[knowledge]'") from None
    cuda = torch.cuda.is_available()
    settings: dict[str, Any] = {"torch_dtype": torch.float16 if cuda else torch.float32, "safety_checker": None}
    kind = StableDiffusionPipeline
    if edge_model:
        kind = StableDiffusionControlNetPipeline
        settings["controlnet"] = from_pretrained(ControlNetModel, edge_model, torch_dtype=settings["torch_dtype"])
    pipeline = from_pretrained(kind, model, **settings)
    config = pipeline.vae.config
    factor = 2 ** (len(config.block_out_channels) - 1)
    if (config.latent_channels, factor) != (CHANNELS, FACTOR):
        raise LinksimError(
            f"the autoencoder of '{model}' must have {CHANNELS} channels at 1/{FACTOR} of the picture's size (got "
            f"{config.latent_channels} at 1/{factor})"
        )
    return pipeline.to("cuda" if cuda else "cpu")
