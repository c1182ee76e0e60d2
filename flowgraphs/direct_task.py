"""How DeepJSCC and SwinJSCC are trained: in one stage, picture to picture."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from linksim import Flowgraph
from linksim.blocks.jscc import deepjscc as deepjscc_coder
from linksim.blocks.jscc import swinjscc as swinjscc_coder
from linksim.blocks.sources.training_pictures import TrainingPictures
from linksim.flowgraphs.codec_task import CodecTask, Recipe, mean_decibels
from linksim.flowgraphs.deepjscc import deepjscc, deepjscc_training
from linksim.flowgraphs.swinjscc import swinjscc, swinjscc_training
from linksim.randomness import derive_seed
from linksim.training import Stage
from linksim.types import PATCH
from linksim.weights import holds_part, weights_path

PARTS = ("jscc_encoder", "jscc_decoder")
SYSTEM = "system"


class DirectTask(CodecTask):
    """A `linksim.training.Task`: mean squared error from end to end, all patches alike."""

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage(SYSTEM, 1.0, PARTS)]

    def prepare(self, stage: str) -> None:
        """Nothing."""

    @abstractmethod
    def draw_uses(self, generator: torch.Generator) -> Tensor:
        """Complex uses per patch for each picture of a batch, int64 [batch]."""

    def loss(self, stage: str, seed: int) -> tuple[Tensor, dict[str, float]]:  # noqa: ARG002
        """One batch; see `Task`."""
        generator = torch.Generator().manual_seed(seed)
        image = self.pictures.batch(self.batch, generator)[0].to(self.device)
        uses = self.draw_uses(generator).to(self.device)
        lengths = uses[:, None, None].expand(-1, image.shape[2] // PATCH, image.shape[3] // PATCH)
        snr_db = self.draw_snr_db(generator)
        self.link.seed(derive_seed(seed, "noise"))
        with self.half_precision():
            out = self.link(image=image, lengths=lengths, snr_db=snr_db)
        figures = {"end_to_end_db": mean_decibels(out["image"], image), "mean_uses": float(uses.float().mean())}
        return out["distortion"].value.mean(), figures


class DeepJSCCTask(DirectTask):
    """DeepJSCC, one rate a batch. Weights of SA-OOSC's codec give it their transform to start from."""

    shipped: Mapping[str, str] = {"deepjscc_encoder": "jscc_encoder", "deepjscc_decoder": "jscc_decoder"}

    def __init__(self, recipe: Recipe, pictures: TrainingPictures, device: torch.device) -> None:
        link = deepjscc_training(
            weights=own_weights(recipe.weights, "deepjscc_encoder"),
            fading_share=recipe.fading_share,
            evenness=recipe.evenness,
        )
        start_from_transform(link, recipe.weights, "deepjscc_encoder", deepjscc_coder.take_transform)
        super().__init__(recipe, pictures, device, link, deepjscc(weights=None, header="ideal"))

    def draw_uses(self, generator: torch.Generator) -> Tensor:
        """One of the fixed rates, for the whole batch."""
        number = int(torch.randint(len(deepjscc_coder.FIXED_RATES), (), generator=generator))
        return torch.full((self.batch,), deepjscc_coder.FIXED_RATES[number])


class SwinJSCCTask(DirectTask):
    """SwinJSCC, a rate for each picture. Weights of SA-OOSC's codec give it their transform to start from."""

    shipped: Mapping[str, str] = {"swinjscc_encoder": "jscc_encoder", "swinjscc_decoder": "jscc_decoder"}

    def __init__(self, recipe: Recipe, pictures: TrainingPictures, device: torch.device) -> None:
        link = swinjscc_training(
            weights=own_weights(recipe.weights, "swinjscc_encoder"),
            fading_share=recipe.fading_share,
            evenness=recipe.evenness,
        )
        start_from_transform(link, recipe.weights, "swinjscc_encoder", swinjscc_coder.take_transform)
        super().__init__(recipe, pictures, device, link, swinjscc(weights=None, header="ideal"))

    def draw_uses(self, generator: torch.Generator) -> Tensor:
        """Log-uniform over the recipe's range of CBR."""
        low, high = (math.log(cbr * 3 * PATCH**2) for cbr in self.recipe.cbr)
        uses = torch.exp(low + (high - low) * torch.rand(self.batch, generator=generator))
        return uses.round().long().clamp(1, swinjscc_coder.MOST_USES)


def own_weights(weights: str | None, part: str) -> str | None:
    """The weights, where they hold that part: not where they are another codec's."""
    return weights if weights is not None and holds_part(weights_path(weights), part) else None


def start_from_transform(
    link: Flowgraph, weights: str | None, part: str, take: Callable[[nn.Module, nn.Module, str], None]
) -> None:
    """Give the coder another codec's transform, where the weights are another's."""
    if weights is not None and own_weights(weights, part) is None:
        encoder, decoder = (link.blocks[name] for name in PARTS)
        take(encoder, decoder, weights)
