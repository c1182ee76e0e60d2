"""A trained transform as the teacher of one with other residual blocks."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.vectorizer.hv import HVDevectorizer, HVVectorizer, transform_of
from linksim.blocks.vectorizer.klt import MEAN
from linksim.blocks.vectorizer.layers import ResidualBlock
from linksim.precision import single_precision
from linksim.types import Score, Tokens

WHOLE_WEIGHT = 2.0
"""Of the errors of the whole transforms, against those of the single blocks."""


class TransformImitation(Block):
    """How far a transform is from its teacher's, block by block and as a whole.

    Teacher and student have the same layers but for their residual blocks. Each block of the student gets what the
    teacher's gets, and its error counts against what the teacher's block changes. Then the latent, and the tokens that
    are made of the teacher's latent with noise of one step, count against the teacher's.

    Args:
        vectorizer, devectorizer: the student, blocks of the same flowgraph or of none; their weights stay with them.
        teacher: weights of the teacher, shipped or a file.

    Shapes: tokens as for `HVVectorizer`; out.value [batch], a sum of relative squared errors. Gradients pass to the
    student.
    Source: knowledge distillation by layers, Romero et al., FitNets, ICLR 2015.

    Raises:
        WeightsError: the weights are unknown, or hold no such transform.
    """

    def __init__(self, *, vectorizer: HVVectorizer, devectorizer: HVDevectorizer, teacher: str) -> None:
        super().__init__()
        transform = transform_of(teacher)
        self.analysis = HVVectorizer(transform=transform, weights=teacher).analysis.requires_grad_(False)
        self.synthesis = HVDevectorizer(transform=transform, weights=teacher).synthesis.requires_grad_(False)
        # In a tuple: as attributes of their own the blocks would be parts of this one.
        self._student = (vectorizer.analysis, devectorizer.synthesis)

    @single_precision
    def forward(self, tokens: Tokens) -> Score:
        centred = (tokens - MEAN).contiguous(memory_format=torch.channels_last)
        latent, analysis_errors = self._imitated(self.analysis, self._student[0], centred)
        noisy = latent + torch.rand(latent.shape, generator=self.rng, device=latent.device) - 0.5
        shown, synthesis_errors = self._imitated(self.synthesis, self._student[1], noisy)
        whole = _relative(self._student[0](centred), latent, latent - self._linear(centred))
        whole = whole + _relative(self._student[1](noisy), shown, shown - centred)
        return Score(analysis_errors + synthesis_errors + WHOLE_WEIGHT * whole)

    def _linear(self, tokens: Tensor) -> Tensor:
        """The part of the latent that needs no network."""
        with torch.no_grad():
            return self.analysis.get_submodule("klt")(tokens)

    @staticmethod
    def _imitated(teacher: nn.Module, student: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the teacher makes of x, and the sum of its blocks' errors by the student's blocks, [batch]."""
        seen: list[tuple[Tensor, Tensor]] = []

        def see(_block: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            seen.append((given[0], made))

        watched = [block.register_forward_hook(see) for block in _residual_blocks(teacher)]
        with torch.no_grad():
            out = teacher(x)
        for watch in watched:
            watch.remove()
        pairs = zip(_residual_blocks(student), seen, strict=True)
        errors = [_relative(block(given), made, made - given) for block, (given, made) in pairs]
        return out, torch.stack(errors).sum(0)


def adopt(student: nn.Module, teacher: nn.Module) -> None:
    """Give a module those of another's tensors that have its own names and shapes."""
    own = student.state_dict()
    given = {k: v for k, v in teacher.state_dict().items() if k in own and own[k].shape == v.shape}
    student.load_state_dict({**own, **given})


def _residual_blocks(module: nn.Module) -> Iterator[ResidualBlock]:
    return (each for each in module.modules() if isinstance(each, ResidualBlock))


def _relative(found: Tensor, wanted: Tensor, scale: Tensor) -> Tensor:
    """Mean squared error of each picture over the batch's mean square of `scale`, [batch]."""
    error = (found - wanted).float().square().mean((1, 2, 3))
    return error / scale.float().square().mean().clamp_min(1e-12)
