import pytest

from alexcli.analysis import maps
from alexcli.errors import UsageError
from alexcli.model.activations import activations, with_layers
from alexcli.records.analysis import TilesPanel
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject


def test_statistics_are_those_of_the_layers_outputs() -> None:
    subject = tiny_subject()
    table = maps.run(AnalyzeSpec(layer="conv2"), subject).tables[0]
    (row,) = table.records()
    x = subject.preprocess.crop(subject.read_sample().pixels[:1])
    output = activations(with_layers(subject.net), x, ["conv2"])["conv2"][0]
    assert row["channels"] == len(output)
    assert row["side"] == output.shape[-1]
    assert row["zeros"] == pytest.approx(float((output == 0).float().mean()))
    assert row["strongest"] == pytest.approx(float(output.max()))
    assert row["mean"] == pytest.approx(float(output.mean()))


@pytest.mark.parametrize(
    ("least_side", "layers"),
    [(1, ["conv1", "conv2", "conv3", "conv4", "conv5"]), (4, ["conv1"]), (99, ["conv1"])],
)
def test_without_a_layer_those_are_drawn_in_which_something_can_be_seen(
    monkeypatch: pytest.MonkeyPatch, least_side: int, layers: list[str]
) -> None:
    monkeypatch.setattr(maps, "LEAST_SIDE", least_side)
    analysis = maps.run(AnalyzeSpec(), tiny_subject())
    assert [row["layer"] for row in analysis.tables[0].records()] == layers
    image, *feature_maps = analysis.panels
    assert isinstance(image, TilesPanel)
    assert image.title == "the image"
    assert len(feature_maps) == len(layers)


def test_the_strongest_output_is_white_and_towers_stand_one_below_the_other() -> None:
    _, panel = maps.run(AnalyzeSpec(layer="conv1"), tiny_subject()).panels
    assert isinstance(panel, TilesPanel)
    assert panel.title == "conv1: all 4 feature maps of each tower"
    assert panel.tiles.shape[:2] == (2, maps.ACROSS)
    assert panel.tiles[:, :4].max() == 255
    assert panel.tiles[:, :4].min() == 0


def test_a_fully_connected_layer_is_refused_with_one_that_works() -> None:
    with pytest.raises(UsageError, match="fc7 of tiny/s0 is fully connected: it has no") as caught:
        maps.run(AnalyzeSpec(layer="fc7"), tiny_subject())
    assert caught.value.hint == "layer=conv5"
