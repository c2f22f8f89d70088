import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text
from PIL import Image

from alexcli.records.prediction import ClassProbability, ImagePrediction
from alexcli.render.output import as_text, write
from alexcli.render.predictions import (
    MOST_DRAWN,
    bars,
    draw_predictions,
    prediction_analysis,
    short,
)
from alexcli.render.tables import Format

BEST = [
    ClassProbability("n02", "dog", 0.7),
    ClassProbability("n01", "cat", 0.25),
    ClassProbability("n03", "owl", 0.05),
]


def _prediction(file: str = "p.webp", label: str | None = "n01") -> ImagePrediction:
    return ImagePrediction(file, BEST, label, "cat" if label else None)


def test_bars_are_as_long_as_the_probabilities() -> None:
    lines = bars([_prediction()]).splitlines()
    assert lines[0] == "p.webp  (cat)"
    for line, prediction in zip(lines[1:], BEST, strict=True):
        assert prediction.name in line
        assert abs(line.count("\u2588") - 30 * prediction.p) <= 1
        assert line.rstrip().endswith(f"{100 * prediction.p:.2f}%")


def test_a_narrow_terminal_shortens_bars_and_keeps_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alexcli.render.tables.PIPE_WIDTH", 40)
    lines = bars([_prediction()]).splitlines()
    for line, prediction in zip(lines[1:], BEST, strict=True):
        assert len(line) <= 40
        assert line.rstrip().endswith(f"{100 * prediction.p:.2f}%")


def test_an_unknown_label_is_left_out() -> None:
    assert bars([_prediction(label=None)]).splitlines()[0] == "p.webp"


def test_json_has_the_predictions_of_each_image() -> None:
    analysis = prediction_analysis([_prediction()], "title")
    (image,) = json.loads(as_text(analysis, Format.json))
    assert image["file"] == "p.webp"
    assert image["label"] == "n01"
    assert image["top"][0] == {"class": "n02", "name": "dog", "p": 0.7}


def test_csv_has_a_row_for_each_rank() -> None:
    text = as_text(prediction_analysis([_prediction()], "title"), Format.csv)
    lines = text.splitlines()
    assert lines[0] == "file,label,rank,class,name,p"
    assert lines[2] == "p.webp,n01,2,n01,cat,0.25"


def test_the_figure_shows_the_pixels_of_the_first_images_and_the_terminal_all(
    tmp_path: Path,
) -> None:
    pixels = np.full((36, 36, 3), (9, 90, 200), dtype=np.uint8)
    predictions = [ImagePrediction("a", BEST, None, None, image=pixels)] * (MOST_DRAWN + 1)
    text = as_text(prediction_analysis(predictions, "title"), Format.table)
    assert text.count("dog") == MOST_DRAWN + 1
    figure = draw_predictions(predictions, "title")
    images = [image for axes in figure.findobj(Axes) for image in axes.images]
    assert len(images) == MOST_DRAWN
    assert (images[0].get_array() == pixels).all()
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "drawn: the first 40 of 41 images" in " ".join(words.split())
    write(prediction_analysis(predictions, "title"), [tmp_path / "f.png"])
    with Image.open(tmp_path / "f.png") as figure:
        assert np.asarray(figure.convert("L")).std() > 10


def test_the_right_class_is_red_in_the_figure() -> None:
    pixels = np.zeros((36, 36, 3), dtype=np.uint8)
    figure = draw_predictions([ImagePrediction("a", BEST, "n01", "cat", image=pixels)], "title")
    axes = [part for part in figure.findobj() if getattr(part, "patches", None)]
    colours = [bar.get_facecolor()[:3] for bar in axes[0].patches]
    red = [colour[0] > colour[2] for colour in colours]
    assert red == [False, True, False]


def test_a_long_name_is_cut() -> None:
    assert short("cat", 5) == "cat"
    assert short("wildcat", 5) == "wild\u2026"
