"""Tokens to latent and entropy, and back."""

from linksim.blocks.vectorizer.hv import HVDevectorizer, HVVectorizer
from linksim.blocks.vectorizer.klt import DEFAULT_STEP, MEAN, KLTDevectorizer, KLTVectorizer, klt_basis

__all__ = ["DEFAULT_STEP", "MEAN", "HVDevectorizer", "HVVectorizer", "KLTDevectorizer", "KLTVectorizer", "klt_basis"]
