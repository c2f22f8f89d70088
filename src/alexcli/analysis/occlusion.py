"""Occlusion: how much of the predicted class's probability each part of an image carries.

Source: Zeiler and Fergus 2014 (ECCV, arXiv 1311.2901), section 4.2: a grey square moves over the
image. Here it is 0 in the net's input: the mean that is subtracted, or black if none is
(augment.mean=none).

Legend: N images, P places of the square, s side of the net's input.
"""

import torch
from torch import Tensor

from alexcli.analysis.heat import Predicted, heat_panel, prediction_rows
from alexcli.analysis.subject import Subject
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

KEYS = ("images", "count", "patch")
"""The keys of `AnalyzeSpec` that it reads."""
SHARE_OF_SIDE = 6
"""Side of the image divided by that of the square, unless `patch` is given."""
PLACES_AT_ONCE = 64


@torch.no_grad()
def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Move a square over each image in steps of half its side, and measure the drop in probability.

    Args:
        spec: `patch`, the side of the square; null for a sixth of the image's side.
        subject: the net and the images.

    Raises:
        UsageError: the square is larger than the net's input.
    """
    size = subject.preprocess.size
    patch = max(2, size // SHARE_OF_SIDE) if spec.patch is None else spec.patch
    if patch > size:
        raise UsageError(
            f"patch={patch} is larger than the net's input of {size} pixels",
            hint=f"patch={max(2, size // SHARE_OF_SIDE)}",
        )
    sample = subject.read_sample()
    x = subject.preprocess.crop(sample.pixels)
    predicted = Predicted.from_scores(subject.net(x))
    places = square_places(size, patch)
    rows = prediction_rows(sample, predicted, subject.class_names)
    maps = []
    for number, row in enumerate(rows):
        covered = _covered(subject, x[number], int(predicted.indices[number]), places, patch)
        drops = row["p"] - covered
        top, left = places[int(drops.argmax())]
        row["lowest p"] = float(covered.min())
        row["left"], row["top"] = left, top
        maps.append(mean_drop(drops, places, patch, size))
        subject.reporter.progress("covering", number + 1, len(rows))
    subject.reporter.close()
    table = Table.from_records(
        f"probability of the predicted class, a square of {patch} x {patch} pixels covered, "
        f"{subject.name}",
        rows,
        f"lowest p: under the worst of {len(places)} places of the square, whose left upper corner "
        "is given in pixels",
    )
    return Analysis(
        title="Occlusion of the predicted class",
        tables=[table],
        panels=[heat_panel(sample, torch.stack(maps).clamp_min(0), rows)],
        caption="Above: what the net sees, with the true label; below: how much the probability of "
        f"the predicted class falls while a square of {patch} pixels covers a place, mean over the "
        "squares that cover a pixel, each image scaled by its own largest fall "
        f"(yellow); \u2717: a wrong class. Run {subject.name}.",
    )


def square_places(size: int, patch: int) -> list[tuple[int, int]]:
    """Top and left of each square, half a square apart, with the last ones at the edges."""
    starts = list(range(0, size - patch, max(1, patch // 2)))
    starts.append(size - patch)
    return [(top, left) for top in starts for left in starts]


def _covered(
    subject: Subject, image: Tensor, index: int, places: list[tuple[int, int]], patch: int
) -> Tensor:
    """The probability of a class for each place of the square.

    Args:
        subject: the net.
        image: (C, s, s) float, as the net takes it.
        index: the class.
        places: P places.
        patch: side of the square.

    Returns:
        (P,) float32, on the CPU.
    """
    parts = []
    for start in range(0, len(places), PLACES_AT_ONCE):
        chosen = places[start : start + PLACES_AT_ONCE]
        batch = image.repeat(len(chosen), 1, 1, 1)
        for copy, (top, left) in zip(batch, chosen, strict=True):
            copy[:, top : top + patch, left : left + patch] = 0
        parts.append(torch.softmax(subject.net(batch).float(), dim=1)[:, index].cpu())
    return torch.cat(parts)


def mean_drop(drops: Tensor, places: list[tuple[int, int]], patch: int, size: int) -> Tensor:
    """For each pixel, the mean drop over the squares that cover it.

    Args:
        drops: (P,) float.
        places: P places.
        patch: side of the square.
        size: s.

    Returns:
        (s, s) float32.
    """
    total = torch.zeros(size, size)
    count = torch.zeros(size, size)
    for drop, (top, left) in zip(drops, places, strict=True):
        square = (slice(top, top + patch), slice(left, left + patch))
        total[square] += drop
        count[square] += 1
    return total / count
