import pytest
import torch

from alexcli.analysis import predictions
from alexcli.records.analysis import PredictionsPanel
from tests.analysis.subjects import tiny_subject


def test_the_five_most_likely_classes_come_in_order_with_their_probabilities() -> None:
    subject = tiny_subject(shown=2)
    analysis = predictions.run(subject)
    rows = analysis.tables[0].records()
    scores = subject.net(subject.preprocess.crop(subject.read_sample().pixels))
    best = torch.softmax(scores, dim=1).topk(5)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5] * 2
    assert [row["class"] for row in rows] == [f"class {index}" for index in best.indices.flatten()]
    assert [row["p"] for row in rows] == pytest.approx(best.values.flatten().tolist())


def test_a_net_of_few_classes_has_all_of_them() -> None:
    subject = tiny_subject("model.classes=3", shown=1)
    assert len(predictions.run(subject).tables[0].rows) == 3


def test_the_figure_holds_the_images_with_their_labels() -> None:
    subject = tiny_subject(shown=2)
    (panel,) = predictions.run(subject).panels
    assert isinstance(panel, PredictionsPanel)
    first = panel.predictions[0]
    assert (first.file, first.label) == ("0.png", "class 0")
    assert (first.image == subject.read_sample().pixels[0].numpy()).all()
