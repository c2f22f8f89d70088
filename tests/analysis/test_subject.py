from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from alexcli.analysis import examples, gradcam, occlusion, saliency
from alexcli.analysis.subject import SampleImages, Subject
from alexcli.errors import UsageError
from alexcli.model.activations import activations, with_layers
from alexcli.model.torchvision_models import TorchvisionNet
from alexcli.records.analysis import Analysis
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject
from tests.conftest import model


def test_features_are_a_row_for_each_image_from_its_centre_crop() -> None:
    subject = tiny_subject(shown=3)
    pixels = subject.read_sample().pixels
    features = subject.features(pixels, "conv5")
    x = subject.preprocess.crop(pixels)
    outputs = activations(with_layers(subject.net), x, ["conv5"])["conv5"]
    assert torch.equal(features, outputs.reshape(3, -1))


def test_features_of_torchvisions_nets_are_refused() -> None:
    subject = tiny_subject()
    with torch.device("meta"):
        subject.net = TorchvisionNet(model("model=resnet18"))
    with pytest.raises(UsageError, match="its layers are not known here"):
        subject.features(subject.read_sample().pixels, "conv1")


@pytest.mark.parametrize(
    "analyze",
    [
        examples.run,
        saliency.run,
        lambda subject: gradcam.run(AnalyzeSpec(), subject),
        lambda subject: occlusion.run(AnalyzeSpec(patch=16), subject),
    ],
    ids=["examples", "saliency", "gradcam", "occlusion"],
)
def test_an_analysis_reads_its_images_once(analyze: Callable[[Subject], Analysis]) -> None:
    subject = tiny_subject(shown=2)
    sample = subject.read_sample()
    reads = 0

    def read_sample() -> SampleImages:
        nonlocal reads
        reads += 1
        return sample

    analyze(replace(subject, read_sample=read_sample))
    assert reads == 1
