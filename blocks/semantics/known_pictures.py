"""Whether a picture is of the kind that a network was trained on, by the network's own features."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

COMPONENTS = 10
"""Directions in which the features of known pictures vary by themselves; what lies outside them counts too."""
MIN_SPREAD = 1e-3
ACCEPTED = 0.95
"""Of known pictures that the fit has not seen, the share that the limit lets through."""
FOLDS = 5


class KnownPictures(NamedTuple):
    """Mean and spread of each feature, the main directions with their spreads, and the largest distance of a known
    picture."""

    mean: Tensor
    spread: Tensor
    directions: Tensor
    direction_spread: Tensor
    limit: Tensor

    def distance(self, features: Tensor) -> Tensor:
        """How far pictures are from the known ones, [batch], of features [batch, n]; about 2 for these.

        Mean square along the directions, each over its spread, and of what is left beside them: with all directions a
        squared Mahalanobis distance. Source: Moghaddam and Pentland, IEEE Trans. PAMI 1997, section 3.
        """
        scaled = (features - self.mean) / self.spread
        along = scaled @ self.directions.T
        beside = scaled - along @ self.directions
        return (along / self.direction_spread).square().mean(-1) + beside.square().mean(-1)

    def tensors(self) -> Mapping[str, Tensor]:
        """For a file of weights."""
        return self._asdict()


def fit(features: Tensor) -> KnownPictures:
    """The known pictures of these features [pictures, n]; the limit is set by pictures left out, five-fold."""
    left_out = torch.cat(list(distances_left_out(features)))
    return _fit(features)._replace(limit=left_out.quantile(ACCEPTED))


def distances_left_out(features: Tensor) -> list[Tensor]:
    """The distance of each picture from those of the other folds."""
    fold = torch.arange(len(features)) % FOLDS
    return [_fit(features[fold != i]).distance(features[fold == i]) for i in range(FOLDS)]


def _fit(features: Tensor) -> KnownPictures:
    mean, spread = features.mean(0), features.std(0) + MIN_SPREAD
    scaled = (features - mean) / spread
    directions = torch.linalg.svd(scaled, full_matrices=False)[2][:COMPONENTS]
    return KnownPictures(mean, spread, directions, (scaled @ directions.T).std(0), torch.tensor(0.0))
