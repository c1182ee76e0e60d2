"""The learned codec of sentences: its four blocks, made to fit each other."""

from collections.abc import Mapping

from linksim import Block
from linksim.blocks import SemanticTextDecoder, SemanticTextEncoder, TextChannelDecoder, TextChannelEncoder
from linksim.blocks.text.word_list import read_word_list, shipped_word_lists
from linksim.weights import shape_in, weights_path

DEFAULT_TEXT = "europarl"
DEFAULT_USES_PER_WORD = 8


class TextCodec:
    """Semantic coder and channel coder of DeepSC's kind with VLM-CSC's NAM, and the word list that they know.

    Args:
        weights: a shipped name ("europarl", "captions"), the path of a .safetensors file, or None for an untrained
            codec, which sends words by a random code.
        word_list: see `WordTokenizer`; None is the shipped list of the weights' name, or that with as many words as the
            weights have, or "europarl".
        uses_per_word: c; None is that of the weights, or 8.
        noise_attention: whether NAM stands in all four; None is as the weights have it, or yes.
        beam: see `SemanticTextDecoder`.

    Raises what the four blocks raise.
    """

    def __init__(
        self,
        weights: str | None = DEFAULT_TEXT,
        *,
        word_list: str | None = None,
        uses_per_word: int | None = None,
        noise_attention: bool | None = None,
        beam: int = 1,
    ) -> None:
        self.word_list = word_list or _word_list_of(weights)
        self.uses_per_word = _uses_of(weights) if uses_per_word is None else uses_per_word
        nam = noise_attention if noise_attention is not None else _has_noise_attention(weights)
        self.encoder = SemanticTextEncoder(word_list=self.word_list, noise_attention=nam, weights=weights)
        self.decoder = SemanticTextDecoder(word_list=self.word_list, noise_attention=nam, beam=beam, weights=weights)
        channel = {"uses_per_word": self.uses_per_word, "noise_attention": nam, "weights": weights}
        self.channel_encoder = TextChannelEncoder(**channel)  # pyright: ignore[reportArgumentType]
        self.channel_decoder = TextChannelDecoder(**channel)  # pyright: ignore[reportArgumentType]

    @property
    def parts(self) -> Mapping[str, Block]:
        """The blocks by the names that they have in files of weights."""
        return {
            "semantic_text_encoder": self.encoder,
            "text_channel_encoder": self.channel_encoder,
            "text_channel_decoder": self.channel_decoder,
            "semantic_text_decoder": self.decoder,
        }


def _word_list_of(weights: str | None) -> str:
    shipped = shipped_word_lists()
    if weights is None or weights in shipped:
        return weights or DEFAULT_TEXT
    shape = shape_in(weights_path(weights, "semantic_text_encoder"), "semantic_text_encoder.embedding.weight")
    return next((name for name in shipped if shape and len(read_word_list(name)) == shape[0]), DEFAULT_TEXT)


def _uses_of(weights: str | None) -> int:
    if weights is None:
        return DEFAULT_USES_PER_WORD
    shape = shape_in(weights_path(weights, "text_channel_encoder"), "text_channel_encoder.straight.weight")
    return shape[0] // 2 if shape else DEFAULT_USES_PER_WORD


def _has_noise_attention(weights: str | None) -> bool:
    if weights is None:
        return True
    path = weights_path(weights, "text_channel_encoder")
    return bool(shape_in(path, "text_channel_encoder.wide_noise.read_features.weight"))
