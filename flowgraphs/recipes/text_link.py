"""How the codec of sentences is trained."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from linksim import Block, Flowgraph
from linksim.blocks import (
    MutualInformationBound,
    RandomFading,
    SemanticTextDecoder,
    TextSource,
    TriangularDecibels,
    WordTokenizer,
)
from linksim.blocks.channels.awgn import AWGN
from linksim.blocks.text.source import read_sentences, split_sentences
from linksim.errors import require
from linksim.files import file_digest
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.recipes.picture_recipe import described_weights
from linksim.flowgraphs.recipes.unknown_words import warn_of_unknown_words
from linksim.flowgraphs.recipes.weight_anchor import ANCHOR_STRENGTH, WeightAnchor
from linksim.precision import single_precision
from linksim.training import Recipe, Stage
from linksim.types import Decibels, Received, Score, Symbols, Text, TextFeatures, Words

VALIDATION_SNRS_DB = (0.0, 5.0, 10.0)
HOLD_OUT, VALIDATED = 40, 200
UNKNOWN_SHARE = 0.02
"""Of all words: the codec must learn to say that it does not know one."""
SEMANTIC, CHANNEL = ("semantic_text_encoder", "semantic_text_decoder"), ("text_channel_encoder", "text_channel_decoder")
SCHEDULES = ("joint", "staged")
MUTUAL_INFORMATION_WEIGHT = 9e-4
"""DeepSC's, of the bound beside the cross-entropy."""


class TeacherForcing(Block):
    """Cross-entropy of the sent words, each guessed from what was received and from the true words before it.

    Args:
        decoder: a block of the same flowgraph or of none; its weights stay with it.

    Shapes: features [batch, words, 128]; words [batch, words] as sent; snr_db [batch], as the receiver sees it;
    out.value [batch], nats per word. Gradients pass.
    Source: VLM-CSC (arXiv 2407.00020), eq. 4; Williams and Zipser, Neural Computation 1989.
    """

    def __init__(self, *, decoder: SemanticTextDecoder) -> None:
        super().__init__()
        # In a tuple: as an attribute of its own the block would be a part of this one.
        self._decoder = (decoder,)

    @single_precision
    def forward(self, features: TextFeatures, words: Words, snr_db: Decibels) -> Score:
        logits = self._decoder[0].logits(features, words, snr_db)
        each = functional.cross_entropy(logits.movedim(-1, 1), words.indices, reduction="none")
        return Score((each * words.mask).sum(1) / words.length.clamp_min(1))


class TextLoss(Block):
    """What is minimised: cross-entropy - weight * mutual information, the second where it is connected.

    Shapes: cross_entropy.value and mutual_information.value [batch] in nats per word; out.value [batch].
    Source: DeepSC, IEEE Trans. Signal Process. 2021, eq. 14; VLM-CSC, section IV.
    """

    def __init__(self, *, weight: float = MUTUAL_INFORMATION_WEIGHT) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, mutual_information: Score, cross_entropy: Score | None = None) -> Score:
        gain = self.weight * mutual_information.value
        return Score(-gain if cross_entropy is None else cross_entropy.value - gain)


@dataclass(kw_only=True)
class TextRecipe(Recipe):
    """Semantic coder and channel coder, all together or in the paper's three stages.

    Args:
        text: files of sentences, see `TextSource`; a batch draws evenly from all. Each 40th sentence is held out.
        start: shipped weights or a .safetensors file to start from; None starts from a random code.
        word_list: see `WordTokenizer`.
        uses_per_word: complex channel uses per word.
        snr_db: range of the mean SNRs, in dB; see `TriangularDecibels`.
        fading_share: share of the sentences sent over slow Rayleigh fading; the others go over AWGN.
        noise_attention: whether NAM is used.
        schedule: "joint", or "staged": the channel coder by mutual information, the semantic coder by cross-entropy,
            then all.
        batch: sentences in a batch.
        anchor: a file of `WeightAnchor`, which holds weights where an earlier task needs them; None holds none.
        anchor_strength: lambda of elastic weight consolidation.
    """

    text: tuple[str, ...]
    start: str | None = None
    word_list: str | None = None
    uses_per_word: int | None = None
    snr_db: tuple[float, float] = (-4.0, 12.0)
    fading_share: float = 0.25
    noise_attention: bool | None = None
    schedule: str = "joint"
    batch: int = 64
    anchor: str | None = None
    anchor_strength: float = ANCHOR_STRENGTH

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-20 <= low <= high <= 40, "snr", "two rising numbers in -20..40 dB", self.snr_db)
        require(self.schedule in SCHEDULES, "schedule", " or ".join(SCHEDULES), self.schedule)
        require(self.batch > 1, "batch", "at least 2", self.batch)
        held = self.schedule == "joint" or self.anchor is None
        require(held, "anchor", "left out for the schedule 'staged'", self.anchor)
        # What is no text is refused before a run begins, which would stand in the way of the right one.
        sentences = {path: read_sentences(path) for path in self.text}
        self._held_out = [
            each for found in sentences.values() for each in split_sentences(found, HOLD_OUT)[1][:VALIDATED]
        ]
        self.codec = self.make_codec()
        for path, found in sentences.items():
            warn_of_unknown_words(path, found, self.codec.word_list)
        self.bound = MutualInformationBound(uses_per_word=self.codec.uses_per_word)
        self.parts = {**self.codec.parts}
        if self.schedule == "staged":
            self.parts["bound"] = self.bound
        self._validation = self.make_codec()

    unshipped = ("bound",)

    def make_codec(self) -> TextCodec:
        """The codec to train, from its start."""
        return TextCodec(
            self.start,
            word_list=self.word_list,
            uses_per_word=self.uses_per_word,
            noise_attention=self.noise_attention,
        )

    @property
    def stages(self) -> Sequence[Stage]:
        """One, or the paper's three."""
        if self.schedule == "joint":
            return [Stage("joint", 1.0, (*SEMANTIC, *CHANNEL), self.whole)]
        return [
            Stage("channel", 0.1, (*CHANNEL, "bound"), self.channel_alone),
            Stage("semantic", 0.3, SEMANTIC, self.whole),
            Stage("joint", 0.6, (*SEMANTIC, *CHANNEL, "bound"), self.whole),
        ]

    def whole(self) -> Flowgraph:
        """The link without a header, and the cross-entropy of its words."""
        fg = self._link("text_training")
        fg.cross_entropy = TeacherForcing(decoder=self.codec.decoder)
        for name in ("features", "snr_db"):
            fg.connect(fg.channel_decoder[name], fg.cross_entropy[name])
        fg.connect(fg.tokenizer["words"], fg.cross_entropy["words"])
        if self.schedule == "joint":
            self._finish(fg)
            return fg
        fg.loss_block, fg.bound = TextLoss(), self.parts["bound"]
        self._bound(fg)
        fg.connect(fg.cross_entropy, fg.loss_block["cross_entropy"])
        fg.connect(fg.loss_block, fg["loss"])
        fg.connect(fg.cross_entropy, fg["cross_entropy"])
        return fg

    def _finish(self, fg: Flowgraph) -> None:
        """Cross-entropy as the loss, held by the anchor where there is one."""
        if self.anchor is None:
            fg.connect(fg.cross_entropy, fg["loss"])
            return
        fg.anchor = WeightAnchor(parts=self.codec.parts, path=self.anchor, strength=self.anchor_strength)
        fg.connect(fg.cross_entropy, fg.anchor, fg["loss"])
        fg.connect(fg.cross_entropy, fg["cross_entropy"])

    def channel_alone(self) -> Flowgraph:
        """The link up to the receiver's symbols, and how much these say."""
        fg = self._link("channel_training", decoding=False)
        fg.loss_block, fg.bound = TextLoss(weight=1.0), self.parts["bound"]
        self._bound(fg)
        fg.connect(fg.loss_block, fg["loss"])
        return fg

    def _bound(self, fg: Flowgraph) -> None:
        fg.connect(fg.channel_encoder, fg.bound["sent"])
        fg.connect(fg.channel, fg.bound["received"])
        fg.connect(fg.bound, fg.loss_block["mutual_information"])
        fg.connect(fg.bound, fg["mutual_information"])

    def _link(self, name: str, *, decoding: bool = True) -> Flowgraph:
        fg = Flowgraph(name)
        fg.source = TextSource(files=self.text, shuffle=True, hold_out=HOLD_OUT)
        fg.snr = TriangularDecibels(least=self.snr_db[0], most=self.snr_db[1])
        fg.tokenizer = WordTokenizer(word_list=self.codec.word_list, unknown_share=UNKNOWN_SHARE)
        fg.encoder, fg.channel_encoder = (
            self.parts[name] for name in ("semantic_text_encoder", "text_channel_encoder")
        )
        fg.channel = RandomFading(fading_share=self.fading_share)
        fg.connect(fg.source, fg.tokenizer)
        fg.connect(fg.tokenizer["words"], fg.encoder["words"])
        for port in ("features", "length"):
            fg.connect(fg.encoder[port], fg.channel_encoder[port])
        fg.connect(fg.channel_encoder, fg.channel["symbols"])
        for block in (fg.encoder, fg.channel_encoder, fg.channel):
            fg.connect(fg.snr, block["snr_db"])
        if decoding:
            fg.channel_decoder = self.parts["text_channel_decoder"]
            fg.connect(fg.channel, fg.channel_decoder["received"])
            fg.connect(fg.encoder["length"], fg.channel_decoder["length"])
        return fg

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Share of right words of held-out sentences over AWGN at 0, 5 and 10 dB, decoded greedily."""
        codec = self._validation
        for mine, trained in zip(codec.parts.values(), self.codec.parts.values(), strict=True):
            mine.to(trained.device).eval().load_state_dict(trained.state_dict())
        if not self._held_out:
            return {}
        tokenizer = WordTokenizer(word_list=codec.word_list)
        words = tokenizer(text=Text.of(self._held_out)).words.to(codec.encoder.device)
        return {f"words_right_{snr_db:g}dB": _right(codec, words, snr_db) for snr_db in VALIDATION_SNRS_DB}

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        described = {"files": [file_digest(Path(path)) for path in self.text]}
        anchor = None if self.anchor is None else file_digest(Path(self.anchor))
        plain = {**asdict(self), "start": described_weights(self.start), "text": described, "anchor": anchor}
        return json.loads(json.dumps(plain))


def _right(codec: TextCodec, words: Words, snr_db: float) -> float:
    """The share of words that arrive, [0, 1]."""
    mean_snr = torch.full(words.length.shape, snr_db, device=words.length.device)
    encoded = codec.encoder(words=words, snr_db=mean_snr)
    symbols: Symbols = codec.channel_encoder(features=encoded.features, length=encoded.length, snr_db=mean_snr)
    received: Received = AWGN().to(words.length.device).seed(1)(symbols=symbols, snr_db=mean_snr)
    features, length, seen = codec.channel_decoder(received=received, length=encoded.length)
    found = codec.decoder(features=features, length=length, snr_db=seen).words
    return float(((found.indices == words.indices) & words.mask).sum() / words.mask.sum())
