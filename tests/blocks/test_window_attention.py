"""Windowed attention against the same written out, and the transform made of it."""

import math

import pytest
import torch
from torch import nn

from linksim.blocks import HVDevectorizer, HVVectorizer, KLTVectorizer, Tokenizer
from linksim.blocks.vectorizer.window_attention import TransformerBlock, WindowAttention, transformer

WIDTH, HEADS, WINDOW = 12, 3, 4


@pytest.fixture
def attention(generator):
    module = WindowAttention(WIDTH, HEADS, WINDOW, shift=2)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4, generator=generator)
    return module


def written_out(module, x):
    """Cell by cell: softmax over the cells in the same window of q k / sqrt(d) + bias of the relative position."""
    _, rows, cols, width = x.shape
    query, key, value = module.mix(x[0]).unflatten(-1, (3, module.heads, width // module.heads)).unbind(2)
    window, shift = module.window, module.shift
    out = torch.zeros(rows, cols, width)
    for r in range(rows):
        for c in range(cols):
            cells = [
                (i, j)
                for i in range(rows)
                for j in range(cols)
                if (i + shift) // window == (r + shift) // window and (j + shift) // window == (c + shift) // window
            ]
            for head in range(module.heads):
                places = [(r - i + window - 1) * (2 * window - 1) + c - j + window - 1 for i, j in cells]
                scores = torch.stack([query[r, c, head] @ key[i, j, head] for i, j in cells])
                scores = scores / math.sqrt(width // module.heads) + module.bias[places, head]
                mixed = sum(w * value[i, j, head] for w, (i, j) in zip(scores.softmax(0), cells, strict=True))
                out[r, c, head * width // module.heads : (head + 1) * width // module.heads] = mixed
    return module.out(out)[None]


@pytest.mark.parametrize(("rows", "cols", "shift"), [(8, 8, 0), (8, 8, 2), (5, 7, 2), (3, 9, 0), (1, 1, 2)])
def test_attention_is_that_written_out(attention, rows, cols, shift, generator):
    attention.shift = shift
    x = torch.randn(1, rows, cols, WIDTH, generator=generator)
    torch.testing.assert_close(attention(x), written_out(attention, x), atol=1e-5, rtol=1e-4)


def test_pictures_of_a_batch_do_not_mix(attention, generator):
    x = torch.randn(3, 6, 5, WIDTH, generator=generator)
    alone = torch.cat([attention(x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(attention(x), alone, atol=1e-5, rtol=1e-4)


def test_a_block_is_the_identity_until_it_is_trained_and_then_learns(generator):
    block = TransformerBlock(WIDTH, HEADS, WINDOW, shifted=True)
    x = torch.randn(2, WIDTH, 5, 6, generator=generator)
    assert torch.equal(block(x), x)
    for name, parameter in block.named_parameters():
        if name.endswith(("out.weight", "2.weight")):
            nn.init.normal_(parameter, std=0.1, generator=generator)
    block(x).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) and bool(p.grad.any()) for p in block.parameters())


def test_every_second_block_is_shifted():
    shifts = [block.attention.shift for block in transformer(WIDTH, HEADS, WINDOW, 4)]
    assert shifts == [0, 2, 0, 2]


def test_bfloat16_is_near(attention, generator):
    x = torch.randn(1, 9, 6, WIDTH, generator=generator)
    with torch.autocast("cpu", torch.bfloat16):
        near = attention(x)
    torch.testing.assert_close(near.float(), attention(x), atol=0.1, rtol=0.1)


def test_untrained_swin_is_the_klt(photograph):
    part = photograph[:, :, 100:196, 200:328]
    latent = HVVectorizer(transform="swin").eval()(tokens=Tokenizer(token=2)(image=part).tokens).latent
    klt = KLTVectorizer(channels=256, step=0.1)(tokens=Tokenizer()(image=part).tokens).latent
    torch.testing.assert_close(latent, klt, atol=2e-4, rtol=1e-4)
    rebuilt = HVDevectorizer(transform="swin")(latent=latent)
    assert rebuilt.shape == (1, 12, 48, 64)
    conv = HVDevectorizer()(latent=latent)
    pictures = [nn.functional.pixel_shuffle(tokens, edge) for tokens, edge in ((rebuilt, 2), (conv, 4))]
    torch.testing.assert_close(*pictures, atol=1e-4, rtol=1e-4)


def test_gradients_reach_every_weight_of_swin(generator):
    vectorizer, devectorizer = HVVectorizer(transform="swin"), HVDevectorizer(transform="swin")
    for module in (vectorizer.analysis, devectorizer.synthesis):
        for parameter in module.network.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.02, generator=generator)
    tokens = torch.rand(1, 12, 16, 24, generator=generator)
    (devectorizer(latent=vectorizer(tokens=tokens).latent) - tokens).square().sum().backward()
    for module in (vectorizer.analysis, devectorizer.synthesis):
        assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())
