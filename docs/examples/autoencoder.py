"""A learned system in one file: an autoencoder that spreads four bits over four fades.

    .venv/bin/linksim train docs.examples.autoencoder:AutoencoderRecipe --minutes 2 --out run

Uncoded BPSK sends one bit in each channel use, and loses it where the use fades. The autoencoder sends the same number
of bits per use, but every use depends on four bits. Source: O'Shea and Hoydis, IEEE Trans. Cogn. Commun. Netw. 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from linksim import Bits, Block, Decibels, Flowgraph, LLRs, Received, Score, Symbols
from linksim.blocks import BitErrors, BitSource, Rayleigh, UniformDecibels
from linksim.montecarlo import Sweep
from linksim.training import Recipe, Stage

BITS = USES = 4
WIDTH = 64


class GroupEncoder(Block):
    """Four bits to four channel uses of unit mean power, by a network.

    Shapes: bits [batch, n], n a multiple of 4; out.samples [batch, n] complex. Gradients pass to the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(BITS, WIDTH), nn.SiLU(), nn.Linear(WIDTH, 2 * USES))

    def forward(self, bits: Bits) -> Symbols:
        coded = self.network(2.0 * bits.unflatten(1, (-1, BITS)) - 1.0)
        coded = coded * (USES / coded.square().sum(-1, keepdim=True)).sqrt()
        samples = torch.view_as_complex(coded.unflatten(-1, (USES, 2)).contiguous()).flatten(1)
        return Symbols(samples, torch.full((len(bits),), samples.shape[1], device=bits.device))


class GroupDecoder(Block):
    """The log-likelihood ratios of the bits, from symbols, gains and noise variances, by a network.

    Shapes: received [batch, n], n a multiple of 4; out [batch, n]. Gradients pass.
    """

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Linear(4 * USES, 4 * WIDTH), nn.SiLU(), nn.Linear(4 * WIDTH, 4 * WIDTH), nn.SiLU()]
        self.network = nn.Sequential(*layers, nn.Linear(4 * WIDTH, BITS))

    def forward(self, received: Received) -> LLRs:
        # What matters is the matched filter's output and the strength of each use, both over the noise.
        noise = received.noise_variance.clamp_min(1e-6)
        matched = torch.view_as_real(received.symbols.samples * received.gain.conj() / noise.sqrt())
        gain = received.gain.abs()[..., None]
        seen = torch.cat([matched, gain, gain / noise.sqrt()[..., None]], -1)
        return self.network(seen.unflatten(1, (-1, USES)).flatten(2)).flatten(1)


class BitCrossEntropy(Block):
    """The loss: -log2 of the probability that the receiver gave to the bits, per bit.

    Shapes: llrs and bits [batch, n]; out.value [batch]. Gradients pass.
    """

    def forward(self, llrs: LLRs, bits: Bits) -> Score:
        loss: Float[Tensor, "batch n"] = nn.functional.softplus(torch.where(bits.bool(), -llrs, llrs))
        return Score(loss.mean(1) / torch.log(torch.tensor(2.0)))


def autoencoder(encoder: Block | None = None, decoder: Block | None = None, channel: Block | None = None) -> Flowgraph:
    """The link. Input: snr_db. Output: ber."""
    fg = Flowgraph("autoencoder", inputs={"snr_db": Decibels})
    fg.bits, fg.encoder, fg.decoder = BitSource(length=256), encoder or GroupEncoder(), decoder or GroupDecoder()
    fg.channel, fg.errors = channel or Rayleigh(coherence="symbol"), BitErrors()
    fg.connect(fg.bits, fg.encoder, fg.channel, fg.decoder, fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    return fg


@dataclass(kw_only=True)
class AutoencoderRecipe(Recipe):
    """Its training: one stage, random SNRs in `snr_db`, frames of 256 bits, the cross entropy of the bits."""

    snr_db: tuple[float, float] = (4.0, 16.0)
    batch: int = 64

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.parts = {"encoder": GroupEncoder(), "decoder": GroupDecoder()}

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage("system", 1.0, ("encoder", "decoder"), self.system)]

    def system(self) -> Flowgraph:
        """The link behind a source of SNRs, with its loss."""
        fg = Flowgraph("system")
        fg.snr, fg.link, fg.loss = (
            UniformDecibels(least=self.snr_db[0], most=self.snr_db[1]),
            autoencoder(**self.parts),
            BitCrossEntropy(),
        )
        fg.link.connect(fg.link.decoder, fg.link["llrs"])
        fg.link.connect(fg.link.bits, fg.link["bits"])
        fg.connect(fg.snr, fg.link["snr_db"])
        fg.connect(fg.link["llrs"], fg.loss)
        fg.connect(fg.link["bits"], fg.loss["bits"])
        fg.connect(fg.loss, fg["loss"])
        return fg

    def validate(self) -> Mapping[str, float]:
        """The bit error rate at 10 dB, with a copy of the parts."""
        judge = autoencoder()
        for name, part in self.parts.items():
            judge.blocks[name].load_state_dict(part.state_dict())
        table = Sweep(judge, grid={"snr_db": [10.0]}, stop="ber:rel=0.1,errors=100,trials=2e6", seed=1).run()
        return {"ber_10dB": float(table["estimate"][0])}
