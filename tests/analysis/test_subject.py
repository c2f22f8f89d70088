import pytest
import torch

from alexcli.errors import UsageError
from alexcli.model.activations import activations, with_layers
from alexcli.model.torchvision_models import TorchvisionNet
from tests.analysis.subjects import tiny_subject
from tests.conftest import model


def test_features_are_a_row_for_each_image_from_its_centre_crop() -> None:
    subject = tiny_subject(shown=3)
    pixels = subject.sample().pixels
    features = subject.features(pixels, "conv5")
    x = subject.preprocess.crop(pixels)
    outputs = activations(with_layers(subject.net), x, ["conv5"])["conv5"]
    assert torch.equal(features, outputs.reshape(3, -1))


def test_features_of_torchvisions_nets_are_refused() -> None:
    subject = tiny_subject()
    with torch.device("meta"):
        subject.net = TorchvisionNet(model("model=resnet18"))
    with pytest.raises(UsageError, match="its layers are not known here"):
        subject.features(subject.sample().pixels, "conv1")
