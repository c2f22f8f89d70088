"""What Python shows of results at its prompt."""

import numpy as np

from alexcli.records.evaluation import Evaluation, Predictions
from alexcli.records.features import FeatureBatch

FILES = [f"photos/{number:05}.jpg" for number in range(1000)]
CLASSES = [f"class_{number}" for number in range(1000)]


def test_an_evaluation_of_many_images_is_shown_by_its_results() -> None:
    labels = np.zeros(len(FILES), np.int64)
    top = np.zeros((len(FILES), 5), np.int64)
    predictions = Predictions(labels, top, top.astype(np.float32))
    evaluation = Evaluation([], [predictions], FILES, CLASSES, CLASSES)
    assert repr(evaluation) == "Evaluation(results=[])"


def test_features_of_many_images_are_shown_by_their_values() -> None:
    batch = FeatureBatch(FILES, [None] * len(FILES), np.zeros((len(FILES), 256), np.float32))
    text = repr(batch)
    assert text.startswith("FeatureBatch(values=array(")
    assert len(text) < 1000
