"""Input-gradient saliency of the predicted class, which the 2012 tool had too.

Legend: N images, s side of the net's input.
"""

import torch

from alexcli.analysis.heat import Predicted, heat_panel, prediction_rows
from alexcli.analysis.subject import Subject
from alexcli.records.analysis import Analysis
from alexcli.tables import Table

KEYS = ("images", "count")
"""The keys of `AnalyzeSpec` that it reads."""


def run(subject: Subject) -> Analysis:
    """Show images, and below each the gradient of its predicted class's score w.r.t. its pixels.

    Args:
        subject: the net and the images.
    """
    sample = subject.read_sample()
    x = subject.preprocess.crop(sample.pixels).requires_grad_()
    scores = subject.net(x)
    predicted = Predicted.from_scores(scores)
    (gradient,) = torch.autograd.grad(scores.gather(1, predicted.indices[:, None]).sum(), x)
    strength = gradient.abs().amax(dim=1)  # (N, s, s)
    rows = prediction_rows(sample, predicted, subject.class_names)
    norms = gradient.flatten(1).norm(dim=1).tolist()
    peaks = strength.flatten(1).amax(dim=1).tolist()
    for row, norm, peak in zip(rows, norms, peaks, strict=True):
        row |= {"norm": norm, "strongest": peak}
    table = Table.from_records(
        f"gradient of the predicted class's score by the pixels, {subject.name}",
        rows,
        "norm: of the whole gradient; strongest: at its largest pixel; in units of the score for "
        "each unit of the net's input (grey levels, unless augment.pixel_scale says otherwise)",
    )
    return Analysis(
        title="Input-gradient saliency of the predicted class",
        tables=[table],
        panels=[heat_panel(sample, strength, rows)],
        caption="Above: what the net sees, with the true label; below: the gradient of the "
        "predicted class's score, the largest over the colours, each image scaled by its own "
        f"strongest pixel (yellow); \u2717: a wrong class. Run {subject.name}.",
    )
