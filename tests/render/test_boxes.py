from alexcli.records.analysis import Analysis, Arrow, Box, BoxesPanel, Label
from alexcli.render.figures import draw_figure


def test_a_deep_box_shows_three_faces_and_a_flat_one_its_front() -> None:
    boxes = [Box(0, 1, 1, 1, depth=1, tower=0), Box(2, 1, 1, 1, depth=0, tower=1)]
    arrows = [Arrow((1, 1), (2, 1), crosses=True)]
    panel = BoxesPanel(4, 2, 0.35, boxes, arrows, [Label(0.5, 1, "conv1")])
    (axis,) = draw_figure(Analysis("title", [], [panel])).axes
    assert len(axis.patches) == 3 + 1
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["", "conv1"], "the arrow and the label"
    assert axis.get_xlim() == (0, 4)
