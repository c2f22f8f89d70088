from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.features import FeatureExtractor, find_labelled
from alexcli.run.trained import TrainedModel, load
from alexcli.schema import LayerPoint


@pytest.fixture
def trained(run: RunDirectory) -> TrainedModel:
    return load(run, run.last, ["eval.batch_size=16", "eval.max_batch=5"])


def test_a_splits_features_of_the_last_layer_are_its_class_scores(trained: TrainedModel) -> None:
    extractor = FeatureExtractor(trained, "fc8", LayerPoint.product)
    batches = list(extractor.of_split("val", NullReporter()))
    images = trained.open_data(NullReporter()).val
    assert [name for batch in batches for name in batch.files] == images.names()
    assert max(len(batch.files) for batch in batches) == 16
    pixels = torch.from_numpy(images.fetch(range(16)))
    with torch.no_grad():
        scores = trained.net(trained.preprocess.crop(pixels))
    np.testing.assert_allclose(batches[0].values, scores.numpy(), rtol=1e-4, atol=1e-5)


def test_labels_are_classes_of_the_net_or_names_of_class_folders(
    trained: TrainedModel, tmp_path: Path
) -> None:
    known = trained.classes[0]
    for name in ("loose.png", "unseen/1.png", f"{known}/2.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 40)).save(path)
    found = find_labelled([tmp_path, tmp_path / known / "2.png"])
    extractor = FeatureExtractor(trained, None, LayerPoint.output)
    (batch,) = extractor.of_files(found, NullReporter(), [])
    labels = {Path(file).name: label for file, label in zip(batch.files, batch.labels, strict=True)}
    assert labels == {"loose.png": None, "1.png": "unseen", "2.png": known}
    assert batch.labels[-1] == known


def test_without_a_single_image_it_says_why(trained: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no")
    extractor = FeatureExtractor(trained, None, LayerPoint.output)
    with pytest.raises(UsageError, match=r"no\.png cannot be decoded"):
        list(extractor.of_files(find_labelled([tmp_path]), NullReporter(), []))
