import pytest
import torch

from alexcli.analysis import gradcam
from alexcli.errors import UsageError
from alexcli.model.activations import find_layer, with_layers
from alexcli.records.analysis import TilesPanel
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject

ONE_TOWER = ("model.towers=1", "model.norm=none")


def test_maps_are_those_of_a_computation_by_finite_differences() -> None:
    """The net after conv5 is run again with one of its feature maps raised a little."""
    subject = tiny_subject(*ONE_TOWER, shown=1)
    net = with_layers(subject.net).double()
    x = subject.preprocess.crop(subject.read_sample().pixels).double()
    maps, predicted = gradcam.class_activation(net, x, find_layer(net, "conv5"))
    layers = [net.layer(0, shape.name) for shape in net.shapes]
    number = [shape.name for shape in net.shapes].index("conv5")
    with torch.no_grad():
        features = x
        for layer in layers[:number]:
            features = layer(features)
        features = layers[number].product(features).clamp_min(0)

        def score(changed: torch.Tensor) -> torch.Tensor:
            after = layers[number].ops["pool"](changed)
            for layer in layers[number + 1 :]:
                after = layer(after)
            return after[0, int(predicted.indices[0])]

        step = 1e-7
        weights = []
        positions = features[0, 0].numel()
        for channel in range(features.shape[1]):
            raised, lowered = features.clone(), features.clone()
            # Every position's gradient together: their sum, of which Grad-CAM takes the mean.
            slope = torch.zeros((), dtype=torch.float64)
            for row, column in torch.cartesian_prod(*(torch.arange(features.shape[-1]),) * 2):
                raised[0, channel, row, column] += step
                lowered[0, channel, row, column] -= step
                slope += (score(raised) - score(lowered)) / (2 * step)
                raised[0, channel, row, column] = features[0, channel, row, column]
                lowered[0, channel, row, column] = features[0, channel, row, column]
            weights.append(slope / positions)
        expected = (torch.stack(weights)[:, None, None] * features[0]).sum(dim=0).clamp_min(0)
    torch.testing.assert_close(maps[0].double(), expected, rtol=1e-2, atol=1e-6)
    assert maps.max() > 0


def test_overlays_stand_below_the_crops_with_labels_and_predictions() -> None:
    subject = tiny_subject(shown=2)
    analysis = gradcam.run(AnalyzeSpec(), subject)
    rows = analysis.tables[0].records()
    assert analysis.title.endswith("conv5")
    with torch.no_grad():
        scores = subject.net(subject.preprocess.crop(subject.read_sample().pixels))
    expected = [subject.class_names[index] for index in scores.argmax(dim=1).tolist()]
    assert [row["prediction"] for row in rows] == expected
    (panel,) = analysis.panels
    assert isinstance(panel, TilesPanel)
    assert panel.tiles.shape[:2] == (2, 2)
    assert panel.captions[0] == "true: class 0"
    assert panel.captions[2].startswith(f"{expected[0]}, ")


@pytest.mark.parametrize(("ops", "side"), [("[act,pool]", 3), ("[pool,act]", 1)])
def test_the_note_has_the_positions_of_the_map_that_is_taken(ops: str, side: int) -> None:
    subject = tiny_subject(f"model.layers.conv5.ops={ops}", shown=1)
    (table,) = gradcam.run(AnalyzeSpec(), subject).tables
    assert f"map of {side} x {side} positions" in (table.note or "")


def test_no_gradient_is_left_in_the_net() -> None:
    subject = tiny_subject()
    gradcam.run(AnalyzeSpec(layer="conv2"), subject)
    assert all(parameter.grad is None for parameter in subject.net.parameters())


def test_a_fully_connected_layer_is_refused_with_one_that_works() -> None:
    with pytest.raises(UsageError, match="fc7 of tiny/s0 is fully connected") as caught:
        gradcam.run(AnalyzeSpec(layer="fc7"), tiny_subject())
    assert caught.value.hint == "layer=conv5"
