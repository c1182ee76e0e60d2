"""How the knowledge base of VLM-CSC is trained: the captioner of the sender, the picture flow of the receiver."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import torch
from torch.nn import functional

from linksim import Block, Flowgraph
from linksim.blocks import (
    BLEU,
    CaptionDecoder,
    CaptionedPictureSource,
    PictureFlow,
    WordDetokenizer,
    WordTokenizer,
)
from linksim.blocks.knowledge.caption_decoder import END
from linksim.blocks.knowledge.captioned_pictures import (
    CaptionedPicture,
    read_captioned_pictures,
    split_pictures,
)
from linksim.blocks.knowledge.picture_flow import KNOWN_WORDS, SIZE
from linksim.errors import require
from linksim.flowgraphs.recipes.picture_recipe import described_weights
from linksim.flowgraphs.recipes.seen_pictures import SeenPictures, seen
from linksim.flowgraphs.recipes.unknown_words import warn_of_unknown_words
from linksim.precision import single_precision
from linksim.training import Recipe, Stage
from linksim.types import Image, PictureFeatures, Score, Text, Words

HOLD_OUT, VALIDATED = 3, 256
"""Each third picture is left to the judge, which must not have been trained on what the others were."""
CAPTIONER_SHARE = 0.1
UNTOLD_SHARE, UNKNOWN_SHARE = 0.1, 0.03
"""Of the sentences: left out, for guidance. Of the words: unknown, because the channel may lose some."""
VALIDATION_SEED = 3


class FlowMatching(Block):
    """Squared error of the flow's direction, at a random place between noise and a picture.

    Args:
        flow: a block of the same flowgraph or of none; its weights stay with it.
        untold_share: share of the frames whose sentence is left out.

    Shapes: image [batch, 3, 32, 32]; words [batch, words]; out.value [batch], mean over the pixels of pictures in
    -1..1. Gradients pass to the weights.
    Source: Liu, Gong and Liu, ICLR 2023, eq. 1; times drawn as Esser et al., ICML 2024, section 3.1 (logit-normal).
    """

    def __init__(self, *, flow: PictureFlow, untold_share: float = UNTOLD_SHARE) -> None:
        super().__init__()
        # In a tuple: as an attribute of its own the block would be a part of this one.
        self._flow, self.untold_share = (flow,), untold_share

    @single_precision
    def forward(self, image: Image, words: Words) -> Score:
        flow, picture, device = self._flow[0], 2 * image - 1, self.device
        noise = torch.randn(picture.shape, generator=self.rng, device=device)
        time = torch.randn(len(picture), generator=self.rng, device=device).sigmoid()
        told = torch.rand(len(picture), 1, generator=self.rng, device=device) >= self.untold_share
        part = time[:, None, None, None]
        moved = part * picture + (1 - part) * noise
        found = flow.velocity(moved, time, flow.condition(words) * told)
        return Score((found.float() - (picture - noise)).square().mean((1, 2, 3)))


class CaptionTeacherForcing(Block):
    """Cross-entropy of the words of captions and of their end, each guessed from the picture and the words before it.

    Args:
        decoder: a block of the same flowgraph or of none; its weights stay with it.

    Shapes: features [batch, 25, 1280]; words [batch, words]; out.value [batch], nats per word. Gradients pass to the
    weights.
    Source: BLIP, Li et al., ICML 2022, section 3.2 (language modeling loss).
    """

    def __init__(self, *, decoder: CaptionDecoder) -> None:
        super().__init__()
        self._decoder = (decoder,)

    @single_precision
    def forward(self, features: PictureFeatures, words: Words) -> Score:
        logits = self._decoder[0].logits(features, words)
        wanted = functional.pad(words.indices, (0, 1), value=END)
        counted = torch.arange(wanted.shape[1], device=wanted.device) <= words.length[:, None]
        each = functional.cross_entropy(logits.float().movedim(-1, 1), wanted, reduction="none")
        return Score((each * counted).sum(1) / counted.sum(1))


@dataclass(kw_only=True)
class VLMCSCRecipe(Recipe):
    """The captioner by the cross-entropy of its words, then the picture flow by flow matching.

    Args:
        pictures: captioned pictures, see `read_captioned_pictures`; a batch draws evenly from all. Each third is held
            out, and serves a judge that must not have seen the others.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
        word_list: see `WordTokenizer`.
        batch: pictures in a batch.
    """

    pictures: tuple[str, ...]
    start: str | None = None
    word_list: str = KNOWN_WORDS
    batch: int = 64

    def __post_init__(self) -> None:
        require(self.batch > 0, "batch", "at least 1", self.batch)
        for path in self.pictures:
            captions = [picture.caption for picture in read_captioned_pictures(path)]
            warn_of_unknown_words(path, captions, self.word_list)
        self.flow = PictureFlow(word_list=self.word_list, weights=self.start)
        self.decoder = CaptionDecoder(word_list=self.word_list, weights=self.start)
        self.parts = {"caption_decoder": self.decoder, "picture_flow": self.flow}

    @property
    def stages(self) -> Sequence[Stage]:
        """Two."""
        return [
            Stage("captioner", CAPTIONER_SHARE, ("caption_decoder",), self.captioner),
            Stage("generator", 1 - CAPTIONER_SHARE, ("picture_flow",), self.generator),
        ]

    def captioner(self) -> Flowgraph:
        """What is seen in pictures, and how well the words for it are known."""
        fg = Flowgraph("captioner")
        fg.source = SeenPictures(files=self.pictures, hold_out=HOLD_OUT)
        fg.tokenizer = WordTokenizer(word_list=self.word_list)
        fg.teacher_forcing = CaptionTeacherForcing(decoder=self.decoder)
        fg.connect(fg.source["text"], fg.tokenizer)
        fg.connect(fg.source["features"], fg.teacher_forcing["features"])
        fg.connect(fg.tokenizer["words"], fg.teacher_forcing["words"])
        fg.connect(fg.teacher_forcing, fg["loss"])
        return fg

    def generator(self) -> Flowgraph:
        """Captioned pictures, and how well the flow knows its way to them."""
        fg = Flowgraph("generator")
        fg.source = CaptionedPictureSource(files=self.pictures, size=SIZE, hold_out=HOLD_OUT, flip=True)
        fg.tokenizer = WordTokenizer(word_list=self.word_list, unknown_share=UNKNOWN_SHARE)
        fg.flow_matching = FlowMatching(flow=self.flow)
        fg.connect(fg.source["text"], fg.tokenizer)
        fg.connect(fg.source["image"], fg.flow_matching["image"])
        fg.connect(fg.tokenizer["words"], fg.flow_matching["words"])
        fg.connect(fg.flow_matching, fg["loss"])
        return fg

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Of held-out pictures: BLEU-1 of the captions to those that they have, and the flow's error."""
        held_out = [p for path in self.pictures for p in split_pictures(read_captioned_pictures(path), HOLD_OUT)[1]]
        chosen = held_out[:: max(len(held_out) // VALIDATED, 1)]
        if not chosen:
            return {}
        device = self.flow.device
        image = torch.stack([picture.image(SIZE) for picture in chosen]).to(device)
        words = WordTokenizer(word_list=self.word_list)(text=Text.of([picture.caption for picture in chosen])).words
        matching = FlowMatching(flow=self.flow.eval(), untold_share=0.0).to(device).seed(VALIDATION_SEED)
        return {
            "caption_bleu_1": self._bleu_1(chosen),
            "flow_error": float(matching(image=image, words=words.to(device)).value.mean()),
        }

    def _bleu_1(self, pictures: Sequence[CaptionedPicture]) -> float:
        features = seen(pictures).to(self.decoder.device)
        found = WordDetokenizer(word_list=self.word_list)(words=self.decoder.eval()(features=features.float()))
        sent = Text.of([picture.caption for picture in pictures]).to(features.device)
        return float(BLEU()(sent=sent, received=found).bleu_1.value.mean())

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        described = {"files": [_digest(path) for path in self.pictures]}
        plain = {**asdict(self), "start": described_weights(self.start), "pictures": described}
        return json.loads(json.dumps(plain))


def _digest(path: str) -> str:
    return sha256("".join(map(repr, read_captioned_pictures(path))).encode()).hexdigest()
