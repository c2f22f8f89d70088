from itertools import pairwise

import pytest

from alexcli.analysis import architecture
from alexcli.config.compose import compose
from alexcli.records.analysis import BoxesPanel
from alexcli.schema import AnalyzeSpec


def _diagram(*overrides: str) -> BoxesPanel:
    (panel,) = architecture.run(compose(list(overrides), AnalyzeSpec)).panels
    assert isinstance(panel, BoxesPanel)
    return panel


def test_every_layer_has_a_box_in_each_tower_and_the_scores_have_one() -> None:
    boxes = _diagram("model=alexnet").boxes
    assert [box.tower for box in boxes] == [-1, *[0, 1] * 7, 0]
    assert len(_diagram("model=merged").boxes) == 1 + 8


def test_sizes_are_to_scale() -> None:
    boxes = _diagram("model=alexnet").boxes[1::2]  # of the first tower
    conv1, conv2, conv3 = boxes[:3]
    assert conv1.height == conv1.depth == pytest.approx(55 / 227)
    assert conv3.width / conv1.width == pytest.approx(384 / 96)
    assert conv2.height / conv1.height == pytest.approx(27 / 55)
    fc6, fc7, fc8 = boxes[5:]
    assert fc6.height == fc7.height
    assert fc6.height / fc8.height == pytest.approx(2048 / 1000)  # a half, and all class scores


def test_arrows_cross_where_a_layer_reads_both_towers() -> None:
    """conv3, fc6 and fc7 read both (section 3.5); the scores are a sum, which crosses nothing."""
    arrows = _diagram("model=alexnet").arrows
    assert sum(arrow.crosses for arrow in arrows) == 3 * 2
    # Two from the image, two more wherever towers stay apart, four where they meet, two to fc8.
    assert len(arrows) == 2 + 2 * 3 + 4 * 3 + 2
    assert not any(arrow.crosses for arrow in _diagram("model=no_communication").arrows)


def test_boxes_follow_each_other_within_the_diagram() -> None:
    panel = _diagram("model=vgg16")
    for left, right in pairwise(panel.boxes):
        assert left.x + left.width < right.x
    assert panel.boxes[-1].x + panel.boxes[-1].width < panel.width
    assert all(box.y + box.height / 2 < panel.height for box in panel.boxes)


def test_the_table_names_kernels_and_sizes_over_all_towers() -> None:
    rows = architecture.run(compose(["model=alexnet"], AnalyzeSpec)).tables[0].records()
    assert rows[0] == {
        "layer": "conv1",
        "kernel": "11 x 11, stride 4",
        "output": "55 x 55 x 96",
        "reads all towers": False,
    }
    reading = [row["layer"] for row in rows if row["reads all towers"]]
    assert reading == ["conv3", "fc6", "fc7", "fc8"]
