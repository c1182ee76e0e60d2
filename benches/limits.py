"""How well pictures could be sent, were they Gaussian: the limits that stand beside what links reach."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from linksim.blocks.vectorizer.klt import MEAN, klt_basis
from linksim.theory import linear_coding_limit, parallel_gaussian_limit
from linksim.types import PATCH

CLASSES = 16
COMPONENTS = 3 * PATCH**2
ANY_CODE, LINEAR_CODE = "limit, Gaussian KLT", "limit, linear coding of it"
Floats = NDArray[np.float64]


def patch_coefficients(image: Tensor) -> tuple[Floats, Floats]:
    """KLT coefficients [patches, 256] of a picture [3, height, width], and the energy beside them [patches]."""
    rows, cols = image.shape[1] // PATCH, image.shape[2] // PATCH
    centred = image[:, : rows * PATCH, : cols * PATCH].double().numpy() - MEAN
    patches = centred.reshape(3, rows, PATCH, cols, PATCH).transpose(1, 3, 0, 2, 4).reshape(-1, COMPONENTS)
    found = patches @ klt_basis()[0].double().numpy().reshape(-1, COMPONENTS).T
    return found, np.square(patches).sum(1) - np.square(found).sum(1)


def limits_db(image: Tensor, cbr: float, snr_db: float, classes: int = CLASSES) -> tuple[float, float]:
    """The PSNR in dB that any code reaches, and that linear coding reaches, with the picture's own KLT statistics.

    The patches are sorted into classes of equal size by their energy without the mean. In each class every component is
    taken for Gaussian, with its mean square in this class; channel uses go freely between classes. Both ends know the
    classes and the mean squares, for which nothing is paid. It is no bound for other transforms than the KLT.

    Source: `parallel_gaussian_limit` and `linear_coding_limit`.
    """
    coefficients, beside = patch_coefficients(image)
    order = np.argsort(np.square(coefficients[:, 1:]).sum(1))
    parts = np.array_split(order, min(classes, len(order)))
    variances = np.stack([np.square(coefficients[part]).mean(0) for part in parts])
    uses = cbr * COMPONENTS * len(parts)
    found = [
        limit(variances, snr_db, uses=uses) / len(parts) + beside.mean()
        for limit in (parallel_gaussian_limit, linear_coding_limit)
    ]
    any_code, linear = (float(10 * np.log10(COMPONENTS / error)) for error in found)
    return any_code, linear


def limit_rows(pictures: Iterable[Tensor], points: Sequence[tuple[float, float]]) -> Mapping[str, Sequence[float]]:
    """Both limits as rows of a table, the mean over pictures [3, height, width] at each point (CBR, SNR in dB)."""
    found = np.array([[limits_db(picture, *point) for point in points] for picture in pictures]).mean(0)
    return {ANY_CODE: found[:, 0].tolist(), LINEAR_CODE: found[:, 1].tolist()}
