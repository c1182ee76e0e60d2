"""Rates for the patches that a mask touches, and next to nothing for the others."""

import torch
from torch import Tensor
from torch.nn import functional

from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.rate.contract import Allocation, RateBlock
from linksim.blocks.rate.fixed import FixedRate
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.errors import require
from linksim.types import PATCH, Decibels, Entropy, Importance, Mask, Size, patches_of


class MaskedRate(RateBlock):
    """The least of V for patches without a pixel of the mask, the largest that stays within the target for the others.

    So the rate map tells the receiver which patches the mask touches, and the header, which codes the map, pays for it.
    `target_cbr` is the payload's, over all patches; the header comes on top. `target_met` is true whenever the budget
    holds. Without a mask all patches are alike, as by `FixedRate`. `rate_set`, `header_code_rate`, `header_fields` and
    `fading` describe the codec, the header and the channel; a link fills in those that are None.

    Shapes: size [batch, 2] in pixels, the same within a batch; mask [batch, height, width]; lengths and base_rate,
    which are the same, [batch, rows, cols] complex uses; target_met [batch]. No gradient: a step function. Entropy,
    importance and SNR are taken, as by every rate block, and not used.
    Source: linksim; UIDSC (arXiv 2508.05884) does not tell the receiver.

    Raises:
        ParameterError: the target is out of range, or the set is unknown.

    >>> mask = torch.zeros(1, 16, 32, dtype=torch.bool)
    >>> mask[:, :, 20:] = True
    >>> rate = MaskedRate(target_cbr=1 / 24, rate_set=(1, 32, 48, 64))
    >>> rate(size=torch.tensor([[16, 32]]), mask=mask).lengths.tolist()
    [[[1, 48]]]
    """

    def __init__(
        self,
        *,
        target_cbr: float = 1 / 12,
        rate_set: RateSet | None = None,
        header_code_rate: CodeRate | None = None,
        header_fields: tuple[str, ...] | None = None,
        fading: bool | None = None,
    ) -> None:
        super().__init__()
        require(1e-6 <= target_cbr <= 10, "target_cbr", "in 1e-06..10", target_cbr)
        self.target = target_cbr
        self.values = rate_values(rate_set or "default")
        self.whole = FixedRate(
            target_cbr=target_cbr,
            rate_set=rate_set,
            header_code_rate=header_code_rate,
            header_fields=header_fields,
            fading=fading,
        )

    def forward(
        self,
        size: Size,
        entropy: Entropy | None = None,  # noqa: ARG002
        importance: Importance | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,  # noqa: ARG002
        mask: Mask | None = None,
    ) -> Allocation:
        if mask is None:
            return self.whole(size=size)
        touched = touched_patches(mask)
        values = torch.tensor(self.values, device=size.device)
        inside, outside = touched.sum((1, 2)), (~touched).sum((1, 2))
        budget = self.target * 3 * size.prod(1).double()
        fits = inside[:, None] * values + outside[:, None] * values[0] <= budget[:, None]
        level = fits.sum(1) - 1
        chosen = values[level.clamp_min(0)]
        lengths = torch.where(touched, chosen[:, None, None], values[0])
        return Allocation(lengths, lengths, level >= 0)


class RandomMaskedRate(RateBlock):
    """A random k, for all patches of a picture or, of every other picture, for those that the mask touches alone.

    What a codec is trained with that serves `FixedRate` as well as `MaskedRate`. The least of V stands for an empty
    patch, and the others are equally likely.

    Shapes: as `MaskedRate`; target_met is always true.
    Source: linksim.

    Raises:
        ParameterError: the set is unknown.

    >>> rate = RandomMaskedRate(rate_set=(1, 16)).seed(1)
    >>> rate(size=torch.tensor([[16, 32]])).lengths.tolist()
    [[[16, 16]]]
    """

    def __init__(self, *, rate_set: RateSet | None = None) -> None:
        super().__init__()
        self.register_buffer("values", torch.tensor(rate_values(rate_set or "default")), persistent=False)

    def forward(
        self,
        size: Size,
        entropy: Entropy | None = None,  # noqa: ARG002
        importance: Importance | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,  # noqa: ARG002
        mask: Mask | None = None,
    ) -> Allocation:
        values, batch = self.get_buffer("values"), len(size)
        rows, cols = map(patches_of, size[0].tolist())
        level = torch.randint(1, len(values), (batch,), generator=self.rng, device=size.device)
        lengths = values[level][:, None, None].expand(-1, rows, cols)
        if mask is not None:
            told = torch.rand(batch, generator=self.rng, device=size.device) < 0.5
            empty = ~touched_patches(mask) & told[:, None, None]
            lengths = torch.where(empty, values[0], lengths)
        lengths = lengths.contiguous()
        return Allocation(lengths, lengths, torch.ones(batch, dtype=torch.bool, device=size.device))


def touched_patches(mask: Mask) -> Tensor:
    """The patches of which the mask keeps a pixel, bool [batch, rows, cols]."""
    height, width = mask.shape[1:]
    padded = functional.pad(mask[:, None].float(), (0, -width % PATCH, 0, -height % PATCH))
    return functional.max_pool2d(padded, PATCH)[:, 0] > 0
