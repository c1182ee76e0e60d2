"""What a header will cost, for rates that must leave room for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from linksim.blocks.header.body import header_uses
from linksim.blocks.header.code_rate import CodeRate, checked_code_rate, chosen_code_rate
from linksim.errors import require

FIELDS = ("power_loading", "base_rate", "channels")


@dataclass(frozen=True)
class HeaderCost:
    """How the header is coded, what it carries beside the rate map, whether the channel fades, and how many
    channels a mask has; None where a rate block was told nothing: the header's own default, nothing, that it does, and
    none."""

    code_rate: CodeRate | None = None
    fields: Sequence[str] | None = None
    fading: bool | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        checked_code_rate("auto" if self.code_rate is None else self.code_rate)
        strange = [field for field in self.fields or () if field not in FIELDS]
        require(not strange, "header_fields", f"of {', '.join(FIELDS)}", strange)

    def uses(self, levels: Tensor, base_rate: Tensor | None, count: int, snr_db: float | None) -> int:
        """Channel uses of one picture's header: its levels of V, int64 [rows, cols], and those of its content, V having
        `count` lengths; `snr_db` is the mean SNR where it is known."""
        code_rate = chosen_code_rate(self.code_rate or "auto", snr_db, fading=self.fading is not False)
        fields = self.fields or ()
        told = base_rate.cpu().numpy() if base_rate is not None and "base_rate" in fields else None
        masked = self.channels or 0
        return header_uses(levels.cpu().numpy(), count, "power_loading" in fields, code_rate, told, masked)
