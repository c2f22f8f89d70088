"""Heat maps of the evidence for a class, drawn over the images that the net saw.

Legend: N images, s side of the net's input.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from alexcli.analysis.subject import SampleImages
from alexcli.data.crops import center_crop
from alexcli.data.transforms import LUMA
from alexcli.records.analysis import TilesPanel

Pixels = npt.NDArray[np.uint8]

SMALLEST = 1e-30
"""Lower bound of a divisor, so that a map of zeros stays zero."""
OPACITY = 0.6
"""Opacity of the hottest pixel's colour."""


@dataclass
class Predicted:
    """The predictions of a net for unchanged images."""

    indices: Tensor
    """(N,) int64, the predicted classes."""
    p: Tensor
    """(N,) float32, their probabilities."""

    @classmethod
    def from_scores(cls, scores: Tensor) -> "Predicted":
        """The predictions of class scores, (N, K)."""
        best = torch.softmax(scores.detach().float(), dim=1).max(dim=1)
        return cls(best.indices, best.values)


def prediction_rows(
    sample: SampleImages, predicted: Predicted, class_names: list[str]
) -> list[dict[str, Any]]:
    """The first columns of a table about images: file, label, prediction and its probability."""
    return [
        {"file": file, "label": label, "prediction": class_names[index], "p": p}
        for file, label, index, p in zip(
            sample.files,
            sample.labels,
            predicted.indices.tolist(),
            predicted.p.tolist(),
            strict=True,
        )
    ]


def heat_panel(sample: SampleImages, heat: Tensor, rows: list[dict[str, Any]]) -> TilesPanel:
    """Each image under its true label, above its heat map under the prediction, marked if wrong.

    Args:
        sample: the images.
        heat: (N, s, s) float, at least 0; each map is scaled by its own largest value.
        rows: from `prediction_rows`.
    """
    size = heat.shape[-1]
    crops = np.stack([center_crop(image, size).cpu().numpy() for image in sample.pixels])
    peaks = heat.flatten(1).amax(dim=1).clamp_min(SMALLEST)
    scaled = (heat / peaks[:, None, None]).cpu().numpy()
    captions = [f"true: {row['label']}" if row["label"] else row["file"] for row in rows]
    captions += [f"{row['prediction']}, {row['p']:.0%}" for row in rows]
    wrong = [False] * len(rows)
    wrong += [row["label"] not in (None, "", row["prediction"]) for row in rows]
    tiles = np.stack([crops, overlay(crops, scaled)])
    return TilesPanel(tiles, captions, inches=1.6, wrong=wrong)


def overlay(crops: Pixels, heat: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Draw heat over gray images: cold pixels stay gray, the hottest ones become yellow.

    Args:
        crops: (N, s, s, 3) uint8.
        heat: (N, s, s) in [0, 1].

    Returns:
        (N, s, s, 3) uint8.
    """
    gray = crops @ np.array(LUMA) / 255
    colours = np.stack([(2 * heat).clip(0, 1), (2 * heat - 1).clip(0, 1), 0 * heat], axis=-1)
    share = OPACITY * heat[..., None]
    mixed = (1 - share) * gray[..., None] + share * colours
    pixels: Pixels = np.round(255 * mixed).astype(np.uint8)
    return pixels
