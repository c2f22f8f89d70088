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
    boxes = [box for box in _diagram("model=alexnet").boxes if not box.pooled]
    assert [box.tower for box in boxes] == [-1, *[0, 1] * 7, 0]
    assert sum(not box.pooled for box in _diagram("model=merged").boxes) == 1 + 8


def test_pooled_feature_maps_are_drawn_to_scale() -> None:
    """Pooling follows conv1, conv2 and conv5 (section 3.5)."""
    pooled = [box for box in _diagram("model=alexnet").boxes if box.pooled]
    assert [box.tower for box in pooled] == [0, 1] * 3
    sides = [27 / 227, 13 / 227, 6 / 227]
    assert [box.height for box in pooled[::2]] == pytest.approx([max(0.03, s) for s in sides])


@pytest.mark.parametrize("model", ["alexnet", "merged", "vgg16"])
def test_no_arrow_runs_through_a_text(model: str) -> None:
    panel = _diagram(f"model={model}")
    for label in panel.labels:
        lines = label.text.split("\n")
        half_width = 0.026 * max(map(len, lines))  # of 8 points, at the scale of the figure
        half_height = 0.075 * len(lines)
        for arrow in panel.arrows:
            for step in range(101):
                x, y = (
                    start + step / 100 * (end - start)
                    for start, end in zip(arrow.start, arrow.end, strict=True)
                )
                inside = abs(x - label.x) < half_width and abs(y - label.y) < half_height
                assert not inside, f"{arrow} through {label}"


def test_sizes_are_to_scale() -> None:
    boxes = [box for box in _diagram("model=alexnet").boxes if box.tower == 0 and not box.pooled]
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
