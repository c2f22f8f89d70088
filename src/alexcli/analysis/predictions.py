"""Figure 4, left: images with the labels that the net finds most likely."""

import torch
from torch import Tensor

from alexcli.analysis.subject import SampleImages, Subject
from alexcli.metrics.top_k import TOP, most_likely
from alexcli.records.analysis import Analysis, PredictionsPanel
from alexcli.records.prediction import ClassProbability, ImagePrediction
from alexcli.tables import Table

KEYS = ("images", "count")
"""The keys of `AnalyzeSpec` that it reads."""


@torch.no_grad()
def run(subject: Subject) -> Analysis:
    """The five most likely classes of each image, from its centre crop.

    Args:
        subject: the net and the images.
    """
    sample = subject.read_sample()
    scores = subject.net(subject.preprocess.crop(sample.pixels))
    probabilities = torch.softmax(scores.float(), dim=1)
    predictions = _predictions(probabilities, subject.class_names, sample)
    rows = [
        {
            "file": prediction.file,
            "label": prediction.label,
            "rank": rank,
            "class": best.name,
            "p": best.p,
        }
        for prediction in predictions
        for rank, best in enumerate(prediction.predictions, start=1)
    ]
    return Analysis(
        title="Figure 4, left: most likely classes, the true one in red",
        tables=[Table.from_records("predictions", rows)],
        panels=[PredictionsPanel(predictions)],
        caption=f"bars: probabilities (centre crop) of run {subject.name}",
    )


def _predictions(
    probabilities: Tensor, class_names: list[str], sample: SampleImages
) -> list[ImagePrediction]:
    """The most likely classes of each image.

    Args:
        probabilities: (N, K) float32.
        class_names: readable names of the K classes.
        sample: the N images.
    """
    best_p, best = most_likely(probabilities, min(TOP, len(class_names)))
    predictions = []
    for i, (file, label) in enumerate(zip(sample.files, sample.labels, strict=True)):
        classes = [
            ClassProbability(class_names[index], class_names[index], p)
            for index, p in zip(best[i].tolist(), best_p[i].tolist(), strict=True)
        ]
        image = sample.pixels[i].cpu().numpy()
        predictions.append(ImagePrediction(file, classes, label, label, image))
    return predictions
