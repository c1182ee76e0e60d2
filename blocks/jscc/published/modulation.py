"""SwinJSCC's gates as published: how strong each feature is, by the SNR or by the rate."""

from torch import Tensor, nn

LAYERS = 7


class ModulationNetwork(nn.Module):
    """A gate in 0..1 for each feature, by the features themselves and by a number.

    Seven layers of a running product: each multiplies what comes in by what its own network makes of the number. The
    features do not get a gradient by this way.
    Shapes: x [batch, width, rows, cols]; condition [batch]; out as x.
    Source: Yang et al. (SwinJSCC), IEEE Trans. Cogn. Commun. Netw. 2025, section III.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width if n == 0 else hidden, hidden) for n in range(LAYERS))
        self.scales = nn.ModuleList(_scale(hidden) for _ in range(LAYERS))
        self.last = nn.Linear(hidden, width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        hidden = x.detach().movedim(1, -1)
        number = condition.to(hidden)[:, None]
        for layer, scale in zip(self.layers, self.scales, strict=True):
            hidden = layer(hidden) * scale(number)[:, None, None]
        return self.last(hidden).sigmoid().movedim(-1, 1)


def _scale(hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.Sigmoid()
    )
