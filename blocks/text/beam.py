"""The search for the likeliest sentence of a known length."""

from collections.abc import Callable

import torch
from torch import Tensor

Next = Callable[[Tensor, Tensor], Tensor]
"""Words before [paths, some] and the frame of each path [paths] to logarithms of probabilities [paths, word list]."""


def search(following: Next, length: Tensor, words: int, beam: int) -> tuple[Tensor, Tensor]:
    """Places in the word list and their probabilities, both [batch, words], of the likeliest sentences found.

    The `beam` likeliest beginnings are followed; 1 is the greedy choice. What comes past a sentence's length does not
    count. Source: beam search, Lowerre 1976.
    """
    batch, device = len(length), length.device
    frames = torch.arange(batch, device=device)
    chosen = torch.zeros(batch, 1, 0, dtype=torch.int64, device=device)
    logs = torch.zeros(batch, 1, 0, device=device)
    for place in range(words):
        paths = chosen.shape[1]
        step = following(chosen.flatten(0, 1), frames.repeat_interleave(paths)).view(batch, paths, -1)
        counted = (place < length).view(batch, 1, 1)
        best = (logs.sum(-1)[..., None] + torch.where(counted, step, 0.0)).flatten(1)
        # Behind its end a sentence stays what it is: only its own paths compete there, each by its first word.
        if not bool(counted.all()):
            first = torch.arange(step.shape[-1], device=device) == 0
            best = best.masked_fill((~counted & ~first.view(1, 1, -1)).expand_as(step).flatten(1), -torch.inf)
        kept = best.topk(min(beam, best.shape[1]), dim=1).indices
        path, word = kept // step.shape[-1], kept % step.shape[-1]
        gained = step.flatten(1).gather(1, kept)
        chosen = torch.cat([_of(chosen, path), word[..., None]], 2)
        logs = torch.cat([_of(logs, path), torch.where(counted[:, 0], gained, 0.0)[..., None]], 2)
    return chosen[:, 0], logs[:, 0].exp()


def _of(values: Tensor, path: Tensor) -> Tensor:
    return values.gather(1, path[..., None].expand(-1, -1, values.shape[-1]))
