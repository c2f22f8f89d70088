"""What a net gets right and wrong: its most confident predictions, and the classes it confuses."""

import numpy as np
import torch
from torch import Tensor

from alexcli.analysis.heat import Predicted, prediction_rows
from alexcli.analysis.subject import Subject
from alexcli.data.crops import center_crop
from alexcli.errors import UsageError, plural
from alexcli.records.analysis import Analysis, MatrixPanel, Panel, TilesPanel
from alexcli.tables import Table

KEYS = ("images", "count")
"""The keys of `AnalyzeSpec` that it reads."""
COUNT = 200
"""Images unless the user says how many: of a few, a good net mistakes none."""
AT_A_TIME = 50
"""Images of a forward pass, which takes a few megabytes for each in the full net."""
ACROSS = 4
"""Examples in a row, as wide as a page."""
MOST_RIGHT = 4
MOST_WRONG = 8
"""Examples that are shown."""
MOST_CLASSES = 50
"""Most classes of a confusion matrix whose names remain readable."""


@torch.no_grad()
def run(subject: Subject) -> Analysis:
    """Show the confusion matrix and the most confident predictions, right and wrong.

    Args:
        subject: the net and the images; images of classes unknown to the net are left out.

    Raises:
        UsageError: none is left.
    """
    sample = subject.read_sample()
    parts = [
        subject.net(subject.preprocess.crop(part)) for part in torch.split(sample.pixels, AT_A_TIME)
    ]
    predicted = Predicted.from_scores(torch.cat(parts))
    rows = prediction_rows(sample, predicted, subject.class_names)
    classes = set(subject.class_names)
    numbered = [(number, row) for number, row in enumerate(rows) if row["label"] in classes]
    if not numbered:
        raise UsageError(
            f"examples needs images of the classes of {subject.name}, but none of "
            f"{plural(len(rows), 'image')} is known to belong to one",
            hint="folders named after its classes: images=DIR, with DIR/CLASS/*",
        )
    numbered.sort(key=lambda pair: -pair[1]["p"])
    right = [pair for pair in numbered if pair[1]["label"] == pair[1]["prediction"]]
    wrong = [pair for pair in numbered if pair[1]["label"] != pair[1]["prediction"]]
    panels: list[Panel] = []
    images = plural(len(numbered), "image")
    if len(subject.class_names) <= MOST_CLASSES:
        panels.append(_matrix(subject.class_names, numbered, f"confusion of {images}"))
    for pairs, most, title in (
        (right, MOST_RIGHT, f"right: {len(right)} of {images}, the surest"),
        (wrong, MOST_WRONG, f"wrong: {len(wrong)} of {images}, the surest"),
    ):
        if pairs:
            panels.append(_tiles(sample.pixels, subject.preprocess.size, pairs[:most], title))
    shown = [row for _, row in wrong[:MOST_WRONG]]
    hint = "" if wrong else ", none of them a mistake: count=N looks at N images"
    table = Table.from_records(
        "the surest mistakes",
        shown,
        f"of {images}, evenly over the classes{hint}; p: the probability of the predicted class",
        columns=["file", "label", "prediction", "p"],
    )
    return Analysis(
        f"Right and wrong, {subject.name}",
        [table],
        panels,
        caption=f"What {subject.name} makes of {images}: the surest predictions of both kinds.",
    )


def _matrix(
    names: list[str], numbered: list[tuple[int, dict[str, str]]], title: str
) -> MatrixPanel:
    """Counts of labels and predictions."""
    places = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for _, row in numbered:
        counts[places[row["label"]], places[row["prediction"]]] += 1
    return MatrixPanel(counts, names, x_label="prediction", y_label="label", title=title)


def _tiles(
    pixels: Tensor, size: int, pairs: list[tuple[int, dict[str, float]]], title: str
) -> TilesPanel:
    """Images as the net sees them, each with its prediction, and its label if that differs.

    Args:
        pixels: (N, S, S, 3) uint8.
        size: s, the side of the net's input.
        pairs: positions of the images to show, and their rows of `prediction_rows`.
        title: of the panel.
    """
    crops = [center_crop(pixels[number], size).cpu().numpy() for number, _ in pairs]
    crops += [np.full_like(crops[0], 255)] * (-len(crops) % ACROSS)
    tiles = np.stack(crops).reshape(-1, ACROSS, *crops[0].shape)
    wrong = [row["label"] != row["prediction"] for _, row in pairs]
    captions = [
        f"{row['prediction']}, {row['p']:.0%}" + (f"\ntrue: {row['label']}" if is_wrong else "")
        for (_, row), is_wrong in zip(pairs, wrong, strict=True)
    ]
    return TilesPanel(tiles, captions, title=title, inches=1.6, wrong=wrong)
