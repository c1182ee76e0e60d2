"""Sentences: words, codecs, and what they are measured by."""

from linksim.blocks.text.channel_coder import TextChannelDecoder, TextChannelEncoder
from linksim.blocks.text.content_words import ContentWords
from linksim.blocks.text.digital import TextCompressor, TextDecompressor
from linksim.blocks.text.mutual_information import MutualInformationBound
from linksim.blocks.text.noise_attention import NoiseAttention
from linksim.blocks.text.numbered import NumberedSentences, SentenceNumberer
from linksim.blocks.text.semantic_decoder import SemanticTextDecoder
from linksim.blocks.text.semantic_encoder import SemanticTextEncoder
from linksim.blocks.text.shortener import TextShortener
from linksim.blocks.text.source import TextSource
from linksim.blocks.text.tokenizer import WordDetokenizer, WordTokenizer

__all__ = [
    "ContentWords",
    "MutualInformationBound",
    "NoiseAttention",
    "NumberedSentences",
    "SemanticTextDecoder",
    "SemanticTextEncoder",
    "SentenceNumberer",
    "TextChannelDecoder",
    "TextChannelEncoder",
    "TextCompressor",
    "TextDecompressor",
    "TextShortener",
    "TextSource",
    "WordDetokenizer",
    "WordTokenizer",
]
