"""Pictures to tokens and back."""

from linksim.blocks.tokens.tokenizer import Detokenizer, Tokenizer

__all__ = ["Detokenizer", "Tokenizer"]
