"""Input-gradient saliency of the predicted class, which the 2012 tool had too.

Legend: N images, s side of the net's input.
"""

import numpy as np
import torch

from alexcli.analysis.subject import Subject
from alexcli.analysis.tiles import tile_rows
from alexcli.data.crops import center_crop
from alexcli.records.analysis import Analysis, TilesPanel
from alexcli.tables import Table

KEYS = ("images", "count")
"""The keys of `AnalyzeSpec` that it reads."""


def run(subject: Subject) -> Analysis:
    """Show images, and below each one the gradient of its predicted class's score by its pixels.

    Args:
        subject: the net and the images.
    """
    sample = subject.sample()
    x = subject.preprocess.crop(sample.pixels).requires_grad_()
    scores = subject.net(x)
    predicted = scores.argmax(dim=1)
    (gradient,) = torch.autograd.grad(scores.gather(1, predicted[:, None]).sum(), x)
    strength = gradient.abs().amax(dim=1)  # (N, s, s)
    peaks = strength.flatten(1).amax(dim=1).clamp_min(1e-30)
    norms = gradient.flatten(1).norm(dim=1)
    predictions = [subject.class_names[index] for index in predicted.tolist()]
    rows = [
        {"file": file, "label": label, "prediction": prediction, "norm": norm, "strongest": peak}
        for file, label, prediction, norm, peak in zip(
            sample.files, sample.labels, predictions, norms.tolist(), peaks.tolist(), strict=True
        )
    ]
    size = subject.preprocess.size
    crops = [center_crop(image, size).cpu().numpy() for image in sample.pixels]
    scaled = (strength / peaks[:, None, None]).cpu().numpy()[..., None]
    tiles = np.concatenate([[crops], tile_rows(scaled, across=len(crops))])
    table = Table.from_records(
        f"gradient of the predicted class's score by the pixels, {subject.name}",
        rows,
        "norm: of the whole gradient; strongest: at its largest pixel; in units of the score for "
        "each unit of the net's input (grey levels, unless augment.pixel_scale says otherwise)",
    )
    return Analysis(
        title="Input-gradient saliency of the predicted class",
        tables=[table],
        panels=[TilesPanel(tiles, predictions)],
        caption="Above: what the net sees, with the predicted class; below: the gradient of that "
        "class's score, the largest over the colours, each image scaled by its own strongest pixel "
        f"(white). Run {subject.name}.",
    )
