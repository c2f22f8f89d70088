from dataclasses import replace

import pytest

from alexcli.analysis import examples
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis, MatrixPanel, TilesPanel
from tests.analysis.subjects import tiny_subject

SHOWN = 30


def _found() -> Analysis:
    return examples.run(tiny_subject(shown=SHOWN, training=SHOWN))


def test_every_image_is_counted_once_in_the_confusion() -> None:
    (matrix,) = (panel for panel in _found().panels if isinstance(panel, MatrixPanel))
    assert matrix.counts.sum() == SHOWN
    assert matrix.counts.sum(axis=1).tolist() == [3] * 10, "rows are labels"


def test_the_surest_mistakes_come_first_and_are_marked() -> None:
    found = _found()
    rows = found.tables[0].records()
    assert [row["p"] for row in rows] == sorted((row["p"] for row in rows), reverse=True)
    assert all(row["label"] != row["prediction"] for row in rows)
    panel = next(
        panel
        for panel in found.panels
        if isinstance(panel, TilesPanel) and panel.title.startswith("wrong: ")
    )
    assert panel.wrong == [True] * examples.MOST_WRONG
    first = rows[0]
    assert panel.captions[0] == f"{first['prediction']}, {first['p']:.0%}\ntrue: {first['label']}"


def test_right_and_wrong_are_all_images() -> None:
    (matrix,) = (panel for panel in _found().panels if isinstance(panel, MatrixPanel))
    right = int(matrix.counts.diagonal().sum())
    titles = [panel.title for panel in _found().panels if isinstance(panel, TilesPanel)]
    expected = [f"wrong: {SHOWN - right} of {SHOWN} images, the surest"]
    if right:
        expected.insert(0, f"right: {right} of {SHOWN} images, the surest")
    assert titles == expected


def test_images_of_other_classes_are_left_out_and_none_at_all_is_refused() -> None:
    subject = tiny_subject(shown=SHOWN, training=SHOWN)
    sample = subject.read_sample()
    half = [label if index % 2 else "rose" for index, label in enumerate(sample.labels)]
    subject = replace(subject, read_sample=lambda: replace(sample, labels=half))
    (matrix,) = (p for p in examples.run(subject).panels if isinstance(p, MatrixPanel))
    assert matrix.counts.sum() == SHOWN // 2
    labels = ["rose", *[None] * (SHOWN - 1)]
    subject = replace(subject, read_sample=lambda: replace(sample, labels=labels))
    with pytest.raises(UsageError, match="none of 30 images is known to belong to one") as refused:
        examples.run(subject)
    assert "DIR/CLASS/*" in (refused.value.hint or "")


def test_a_net_without_mistakes_is_told_how_to_look_at_more_images() -> None:
    subject = tiny_subject(shown=SHOWN, training=SHOWN)
    sample = subject.read_sample()
    predicted = subject.net(subject.preprocess.crop(sample.pixels)).argmax(1).tolist()
    labels = [subject.class_names[index] for index in predicted]
    found = examples.run(replace(subject, read_sample=lambda: replace(sample, labels=labels)))
    assert found.tables[0].records() == []
    assert "of 30 images, evenly over the classes, none of them a mistake: count=N" in str(
        found.tables[0].note
    )
