import pytest
import torch

from alexcli.analysis import saliency
from alexcli.records.analysis import TilesPanel
from tests.analysis.subjects import tiny_subject


def test_the_gradient_is_that_of_the_predicted_classs_score() -> None:
    subject = tiny_subject(shown=2)
    rows = saliency.run(subject).tables[0].records()
    x = subject.preprocess.crop(subject.read_sample().pixels[1:]).requires_grad_()
    scores = subject.net(x)[0]
    scores.max().backward()
    assert x.grad is not None
    assert rows[1]["prediction"] == subject.class_names[int(scores.argmax())]
    assert rows[1]["norm"] == pytest.approx(float(x.grad.norm()), rel=1e-4)
    assert rows[1]["strongest"] == pytest.approx(float(x.grad.abs().max()), rel=1e-4)


def test_gradients_lie_over_the_crops_below_them_each_with_a_yellow_peak() -> None:
    subject = tiny_subject(shown=2)
    (panel,) = saliency.run(subject).panels
    assert isinstance(panel, TilesPanel)
    size = subject.preprocess.size
    assert panel.tiles.shape == (2, 2, size, size, 3)
    for tile in panel.tiles[1]:
        yellow = tile[..., :2].astype(int).sum(-1) - 2 * tile[..., 2].astype(int)
        assert yellow.max() > 200, "the strongest pixel"
    rows = saliency.run(subject).tables[0].records()
    assert panel.captions[0] == f"true: {rows[0]['label']}"
    assert panel.captions[2] == f"{rows[0]['prediction']}, {rows[0]['p']:.0%}"
    assert panel.wrong[2:] == [row["label"] != row["prediction"] for row in rows]


def test_no_gradient_is_left_in_the_net() -> None:
    subject = tiny_subject()
    saliency.run(subject)
    assert all(parameter.grad is None for parameter in subject.net.parameters())
    assert torch.is_grad_enabled()
