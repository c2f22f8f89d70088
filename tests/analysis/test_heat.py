import numpy as np
import torch

from alexcli.analysis.heat import Predicted, heat_panel, overlay, prediction_rows
from tests.analysis.subjects import tiny_subject


def test_cold_pixels_stay_gray_and_the_hottest_turn_yellow() -> None:
    crops = np.full((1, 2, 1, 3), 100, np.uint8)
    cold, hot = overlay(crops, np.array([[[0.0], [1.0]]]))[0, :, 0]
    assert cold.tolist() == [100, 100, 100]
    assert hot[0] == hot[1] > 150
    assert hot[2] == 40


def test_a_map_of_zeros_stays_cold() -> None:
    subject = tiny_subject(shown=1)
    predicted = Predicted.from_scores(torch.tensor([[0.0, 3.0, *[0.0] * 8]]))
    sample = subject.read_sample()
    rows = prediction_rows(sample, predicted, subject.class_names)
    size = subject.preprocess.size
    panel = heat_panel(sample, torch.zeros(1, size, size), rows)
    below = panel.tiles[1, 0]
    assert (below[..., 0] == below[..., 2]).all()
    assert panel.captions == ["true: class 0", "class 1, 69%"]
