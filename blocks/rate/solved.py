"""What the rate blocks share that find an eta for each picture."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.rate.contract import RateBlock
from linksim.blocks.rate.goal import Goal, LevelsAt, Picture
from linksim.blocks.rate.header_cost import HeaderCost
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.errors import LinksimError, ParameterError
from linksim.types import Flags, Lengths


class SolvedAllocation(NamedTuple):
    """As `Allocation`, and the eta of each picture."""

    lengths: Lengths
    base_rate: Lengths
    target_met: Flags
    eta: Float[Tensor, "batch"]


Rule = Callable[[int, Tensor], LevelsAt]
"""From a picture's place in the batch and its labels, int64 [rows, cols], to its levels by eta."""
Quality = Callable[[int, Tensor], float]
"""From a picture's place in the batch and its levels to the PSNR in dB that they will give."""


class SolvedRate(RateBlock):
    """Base of the rate blocks whose allocation hangs on one number, eta, given or found for a target.

    With `fills`, patches that change at the same eta are raised one after the other, as far as the target allows.
    """

    def __init__(
        self,
        *,
        goals: Mapping[str, float | None],
        most_eta: float,
        fills: bool,
        rate_set: RateSet | None,
        header_code_rate: CodeRate | None,
        header_fields: Sequence[str] | None,
        fading: bool | None,
    ) -> None:
        super().__init__()
        self.goal = Goal.of(goals, most_eta)
        self.fills = fills
        self.header_cost = HeaderCost(header_code_rate, header_fields, fading)
        self.register_buffer("values", torch.tensor(rate_values(rate_set or "default")), persistent=False)

    def allocate(
        self,
        rule: Rule,
        shape: Sequence[int],
        device: torch.device,
        importance: Tensor | None,
        size: Tensor | None,
        snr_db: Tensor | None,
        quality: Quality | None = None,
    ) -> SolvedAllocation:
        """The allocation of every picture of a batch, `shape` being [batch, rows, cols]."""
        labels = torch.zeros(tuple(shape), dtype=torch.int64, device=device) if importance is None else importance
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) <= 3:
            raise ParameterError(f"'importance' must hold labels 0 to 3 (got up to {int(labels.max())})")
        values = self.get_buffer("values")
        lengths: list[Tensor] = []
        base_rates: list[Tensor] = []
        solved: list[tuple[float, bool]] = []
        for i, own in enumerate(labels):
            levels_at, content_at = rule(i, own), rule(i, torch.zeros_like(own))
            payload, header = self._costs(i, size, snr_db)

            def reached(levels: Tensor, i: int = i) -> float:
                return quality(i, levels) if quality else 0.0

            picture = Picture(levels_at, content_at, payload, header, reached)
            eta, target_met = self.goal.solve(picture)
            levels, content = levels_at(eta), content_at(eta)
            if self.fills and not target_met:
                levels, content = self.goal.fill(picture, eta, own)
                target_met = self.goal.is_met(self.goal.cost(picture, levels, content))
            lengths.append(values[levels])
            base_rates.append(values[content])
            solved.append((eta, target_met))
        eta, target_met = (torch.tensor(x, device=device) for x in zip(*solved, strict=True))
        return SolvedAllocation(torch.stack(lengths), torch.stack(base_rates), target_met, eta)

    def _costs(
        self, index: int, size: Tensor | None, snr_db: Tensor | None
    ) -> tuple[Callable[[Tensor], float], Callable[[Tensor, Tensor], float]]:
        """The CBR of the payload, and that of the header, of one picture by its levels."""
        if size is None and "cbr" in self.goal.name:
            raise LinksimError(f"{self.goal.name} needs the port 'size'; connect the Tokenizer's")
        dimensions = 1.0 if size is None else 3.0 * float(size[index].prod())
        mean_snr = None if snr_db is None else float(snr_db[index].detach())
        values = self.get_buffer("values")

        def payload(levels: Tensor) -> float:
            return float(values[levels].sum()) / dimensions

        def header(levels: Tensor, base_rate: Tensor) -> float:
            return self.header_cost.uses(levels, base_rate, len(values), mean_snr) / dimensions

        return payload, header
