"""What crosses the edges of a flowgraph: tensor types with named dimensions, and bundles of tensors.

A tensor type is a jaxtyping annotation: dtype family, rank, names of dimensions. A bundle is a frozen dataclass of
tensors that belong together and travel on one edge; inside a bundle every name except `batch` is the bundle's own.
"""

import copyreg
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypeAlias, TypeVar

import torch
from jaxtyping import Bool, Complex, Float, Int, UInt8
from torch import Tensor

PATCH = 16
"""Height and width of a patch in pixels (SA-OOSC, section 2; the latent is at 1/16 of the picture's size)."""

_Side = TypeVar("_Side", int, Tensor)

Image: TypeAlias = Float[Tensor, "batch 3 height width"]
"""RGB in [0, 1]."""
Importance: TypeAlias = Int[Tensor, "batch rows cols"]
"""One label per 16x16 patch: 0 background, 1 low, 2 medium, 3 high."""
Mask: TypeAlias = Bool[Tensor, "batch height width"]
"""True for the pixels that count: a region of interest."""
Tokens: TypeAlias = Float[Tensor, "batch token_channels token_rows token_cols"]
"""Space to depth: 3*p*p channels at 1/p of the (padded) picture's size."""
Latent: TypeAlias = Float[Tensor, "batch channels rows cols"]
"""The vectorizer's x, at 1/16 of the picture's size; its dimensions are real."""
Entropy: TypeAlias = Float[Tensor, "batch rows cols"]
"""Bits per patch."""
Lengths: TypeAlias = Int[Tensor, "batch rows cols"]
"""k, the complex channel uses of each patch."""
Codeword: TypeAlias = Complex[Tensor, "batch rows cols kmax"]
"""y, zero past k."""
Bits: TypeAlias = UInt8[Tensor, "batch n"]
"""Hard bits, 0 or 1."""
LLRs: TypeAlias = Float[Tensor, "batch n"]
"""ln P(bit=1)/P(bit=0), the sign of Sionna 2."""
Decibels: TypeAlias = Float[Tensor, "batch"]
"""One value in dB per frame."""
Power: TypeAlias = Float[Tensor, "batch"]
"""Mean power per complex channel use, one value per frame, linear."""
Uses: TypeAlias = Int[Tensor, "batch"]
"""A number of complex channel uses per frame."""
Size: TypeAlias = Int[Tensor, "batch 2"]
"""Height and width of the original picture in pixels."""
Flags: TypeAlias = Bool[Tensor, "batch"]
"""One truth value per frame."""
Foreground: TypeAlias = Float[Tensor, "batch rows cols"]
"""1 for the patches of the foreground, 0 for the others; floats, so that gradients pass."""
ScoreMap: TypeAlias = Float[Tensor, "batch score_rows score_cols"]
"""How much each place of a grid belongs to the foreground, as a logit."""
TextFeatures: TypeAlias = Float[Tensor, "batch words width"]
"""One vector for each word of a sentence."""
PictureFeatures: TypeAlias = Float[Tensor, "batch places width"]
"""One vector for each place of a picture, row by row."""
PowerLoading: TypeAlias = Float[Tensor, "batch levels 2"]
"""Power loading that the transmitter chose, in dB, for each value of the rate set V: first coefficient, all others."""
ChannelMask: TypeAlias = Bool[Tensor, "batch masked_channels"]
"""True for the channels of a picture's features that are sent, where the transmitter chooses them."""


def patches_of(side: _Side) -> _Side:
    """Patches along a side in pixels, a number or a tensor of them; the last may stand out over the picture."""
    return -(-side // PATCH)


def sent_mask(length: Int[Tensor, "*frame"], size: int) -> Bool[Tensor, "*frame size"]:
    """True at the first `length` of `size` places of each frame, word or patch, bool [..., size]."""
    return torch.arange(size, device=length.device) < length[..., None]


class Bundle:
    """Base of all bundles: a subclass is a frozen dataclass whose fields are tensor types, bundles or strings."""

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Self:
        """A bundle of the same kind, of what `change` makes of each tensor, those of bundles inside included."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]
        for name, value in values.items():
            if isinstance(value, Tensor):
                values[name] = change(value)
            elif isinstance(value, Bundle):
                values[name] = value.mapped(change)
        return type(self)(**values)

    def to(self, device: torch.device | str) -> Self:
        """The bundle with all its tensors on a device."""
        return self.mapped(lambda tensor: tensor.to(device))


@dataclass(frozen=True)
class Symbols(Bundle):
    """Complex channel uses; past `length` the samples are zero and lie outside power, noise and ledger."""

    samples: Complex[Tensor, "batch uses"]
    length: Int[Tensor, "batch"]

    @property
    def mask(self) -> Tensor:
        """True where a sample is sent, bool [batch, uses]."""
        return sent_mask(self.length, self.samples.shape[1])


@dataclass(frozen=True)
class Waveform(Bundle):
    """Complex baseband samples in time; past `length` they are zero, outside noise and recordings."""

    samples: Complex[Tensor, "batch time"]
    length: Int[Tensor, "batch"]

    @property
    def mask(self) -> Tensor:
        """True where there is a sample, bool [batch, time]."""
        return sent_mask(self.length, self.samples.shape[1])


@dataclass(frozen=True)
class Text(Bundle):
    """Sentences as UTF-8; past `length` the bytes are zero."""

    utf8: UInt8[Tensor, "batch bytes"]
    length: Int[Tensor, "batch"]

    @classmethod
    def of(cls, sentences: Sequence[str]) -> Self:
        """These sentences, one frame each."""
        encoded = [torch.tensor(list(sentence.encode()), dtype=torch.uint8) for sentence in sentences]
        length = torch.tensor([len(row) for row in encoded])
        return cls(torch.nn.utils.rnn.pad_sequence(encoded, batch_first=True), length)

    @property
    def sentences(self) -> list[str]:
        """As Python strings; what is not valid UTF-8 becomes the replacement character."""
        rows = zip(self.utf8.cpu().numpy(), self.length.tolist(), strict=True)
        return [row[:length].tobytes().decode(errors="replace") for row, length in rows]


@dataclass(frozen=True)
class Words(Bundle):
    """Sentences as places in a word list; past `length` they are 0, the padding."""

    indices: Int[Tensor, "batch words"]
    length: Int[Tensor, "batch"]

    @property
    def mask(self) -> Tensor:
        """True where there is a word, bool [batch, words]."""
        return sent_mask(self.length, self.indices.shape[1])


@dataclass(frozen=True)
class Received(Bundle):
    """What a channel hands on: symbols after the channel, and what is known of the channel.

    `symbols.samples = gain * sent + noise`, noise ~ CN(0, noise_variance) per complex use. `csi` says how gain and
    noise variance are known, "none" where only their means are; `overhead` counts the uses spent on pilots and guard.
    """

    symbols: Symbols
    gain: Complex[Tensor, "batch uses"]
    noise_variance: Float[Tensor, "batch uses"]
    overhead: Int[Tensor, "batch"]
    csi: Literal["perfect", "estimated", "none"]


@dataclass(frozen=True)
class SynchronisationEstimate(Bundle):
    """What a synchroniser found out about each burst: the sample of its first symbol, the frequency offset in cycles
    per symbol, the phase of its first symbol in radians, how much faster the sampling clock is in parts per million,
    and Es/N0 in dB. The deviations are those of the residual errors that noise leaves in delay and frequency. Where a
    burst was not found (`found` False), all others are NaN."""

    found: Bool[Tensor, "batch"]
    delay: Float[Tensor, "batch"]
    frequency: Float[Tensor, "batch"]
    phase: Float[Tensor, "batch"]
    clock_ppm: Float[Tensor, "batch"]
    snr_db: Float[Tensor, "batch"]
    delay_deviation: Float[Tensor, "batch"]
    frequency_deviation: Float[Tensor, "batch"]

    @classmethod
    def measured(cls) -> tuple[str, ...]:
        """The names of all but `found`."""
        return tuple(field.name for field in fields(cls) if field.name != "found")


@dataclass(frozen=True)
class ReceivedCodeword(Bundle):
    """What a joint decoder gets: the symbols of each patch after the channel, the gain and noise variance of each (gain
    0 and noise variance 1 past k), and what the header says of them: k of each patch, and the codeword's mean power
    before it was normalised."""

    codeword: Complex[Tensor, "batch rows cols kmax"]
    gain: Complex[Tensor, "batch rows cols kmax"]
    noise_variance: Float[Tensor, "batch rows cols kmax"]
    lengths: Int[Tensor, "batch rows cols"]
    power: Float[Tensor, "batch"]


@dataclass(frozen=True)
class Boxes(Bundle):
    """Labelled objects: corners (x1, y1, x2, y2) in pixels and an importance 0 to 3; label 0 pads a short list."""

    corners: Float[Tensor, "batch objects 4"]
    importance: Int[Tensor, "batch objects"]


@dataclass(frozen=True)
class Detections(Bundle):
    """Objects found in a picture: corners (x1, y1, x2, y2) in pixels, COCO's class number, confidence 0 to 1; class -1
    pads a short list. An object's id is its place in the list, from 1."""

    corners: Float[Tensor, "batch objects 4"]
    category: Int[Tensor, "batch objects"]
    confidence: Float[Tensor, "batch objects"]


@dataclass(frozen=True)
class Distortion(Bundle):
    """What a transmitter can predict of its codec's error; every codec has a subclass of its own.

    `energy` is the squared latent in units of squared pixel values, one entry per real dimension.
    """

    energy: Float[Tensor, "batch channels rows cols"]

    def expected_error(self, index: int, levels: Tensor, values: Tensor, noise_variance: float) -> float:
        """Expected squared error, summed over picture `index`, at these levels of the rate set `values`.

        `levels` is int64 [rows, cols]; `noise_variance` is N0 per complex use at unit signal power.
        """
        raise NotImplementedError(f"{type(self).__name__} predicts no error")


@dataclass(frozen=True)
class Counts(Bundle):
    """A metric that counts: errors out of trials, per frame."""

    errors: Int[Tensor, "batch"]
    trials: Int[Tensor, "batch"]


@dataclass(frozen=True)
class Score(Bundle):
    """A metric with one value per frame; NaN where the frame has nothing to measure."""

    value: Float[Tensor, "batch"]


LEDGER_PARTS = ("payload", "header", "side_information", "pilots")
"""What a `Ledger` counts channel uses for."""


@dataclass(frozen=True)
class Ledger(Bundle):
    """Channel uses spent on each picture, by purpose, and the source dimensions (3*height*width of the original).

    `cbr` counts the payload alone, as the papers do; `cbr_total` counts everything that was sent.
    """

    payload: Int[Tensor, "batch"]
    header: Int[Tensor, "batch"]
    side_information: Int[Tensor, "batch"]
    pilots: Int[Tensor, "batch"]
    source_dimensions: Int[Tensor, "batch"]

    @property
    def cbr(self) -> Tensor:
        """Payload uses over source dimensions, float [batch]."""
        return self.payload.double() / self.source_dimensions

    @property
    def cbr_total(self) -> Tensor:
        """All uses over source dimensions, float [batch]."""
        uses = self.payload + self.header + self.side_information + self.pilots
        return uses.double() / self.source_dimensions


PORT_TYPES: dict[str, object] = {
    "Image": Image,
    "Importance": Importance,
    "Mask": Mask,
    "Tokens": Tokens,
    "Latent": Latent,
    "Entropy": Entropy,
    "Lengths": Lengths,
    "Codeword": Codeword,
    "Bits": Bits,
    "LLRs": LLRs,
    "Decibels": Decibels,
    "Power": Power,
    "Uses": Uses,
    "Size": Size,
    "Flags": Flags,
    "PowerLoading": PowerLoading,
    "Distortion": Distortion,
    "Symbols": Symbols,
    "Waveform": Waveform,
    "Text": Text,
    "Words": Words,
    "TextFeatures": TextFeatures,
    "Received": Received,
    "ReceivedCodeword": ReceivedCodeword,
    "SynchronisationEstimate": SynchronisationEstimate,
    "Boxes": Boxes,
    "Detections": Detections,
    "Counts": Counts,
    "Score": Score,
    "Ledger": Ledger,
}
"""The port types by the names that flowgraph files use."""

for _name, _kind in PORT_TYPES.items():
    _kind.__module__, _kind.__qualname__, _kind.__name__ = __name__, _name, _name  # pyright: ignore

_annotation: Any = type(Image)
_pickled_by_value: Any = copyreg.dispatch_table.get(_annotation)


def _pickled(kind: Any) -> Any:
    """Public types by name: another process, which gets a function by value, must find the type itself, not a copy."""
    return kind.__qualname__ if PORT_TYPES.get(kind.__qualname__) is kind else _pickled_by_value(kind)


if _pickled_by_value is not None:
    copyreg.pickle(_annotation, _pickled)
