from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.sources import open_dataset
from alexcli.errors import UsageError
from alexcli.render.figures import write
from alexcli.render.pictures import bars
from alexcli.results import Analysis, Panel, Silent
from alexcli.run.evaluate import evaluate, find_pictures, predict
from alexcli.run.rundir import locate
from alexcli.run.train import train
from alexcli.run.trained import Trained, load
from tests.conftest import small


@pytest.fixture
def trained() -> Trained:
    return load(*locate(train(small("optim.epochs=1"), Silent()).directory))


def test_predict_and_eval_see_the_same(trained: Trained, tmp_path: Path) -> None:
    """Pictures of the validation set, written to files, get the probabilities of `eval`."""
    val = open_dataset(trained.spec.data).val
    for i, pixels in enumerate(val.fetch(range(7))):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    chosen = [locate(str(trained.path))]
    rows = evaluate(chosen, Silent(), split="val", protocols=["ten"]).predictions[0]
    found = predict(trained, find_pictures([tmp_path]), Silent(), ten_crop=True)
    for i, one in enumerate(found):
        assert [trained.classes.index(g.class_) for g in one.guesses] == rows.top[i].tolist()
        assert [g.p for g in one.guesses] == pytest.approx(rows.top_p[i].tolist(), abs=1e-5)


def test_labels_come_from_a_list_or_from_the_folders_name(trained: Trained, tmp_path: Path) -> None:
    folder = tmp_path / trained.classes[3]
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (50, 40)).save(folder / name)
    files = find_pictures([folder])
    assert {one.label for one in predict(trained, files, Silent())} == {trained.classes[3]}
    (tmp_path / "list").write_text("10\n1\n")
    said = [one.label for one in predict(trained, files, Silent(), labels=tmp_path / "list")]
    assert said == [trained.classes[9], trained.classes[0]]
    (tmp_path / "list").write_text("10\n")
    with pytest.raises(UsageError, match="1 label for 2 pictures"):
        predict(trained, files, Silent(), labels=tmp_path / "list")


def test_a_picture_that_is_none_and_a_folder_without_are_refused(
    trained: Trained, tmp_path: Path
) -> None:
    (tmp_path / "no.jpg").write_text("no")
    with pytest.raises(UsageError, match=r"no\.jpg cannot be decoded: not a picture") as caught:
        predict(trained, find_pictures([tmp_path]), Silent())
    assert "on_error" not in (caught.value.hint or "")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nothing.jpg"):
        with pytest.raises(UsageError):
            find_pictures([path])


def test_bars_are_as_long_as_the_probabilities_and_the_figure_is_drawn(
    trained: Trained, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 200), (9, 90, 200)).save(tmp_path / "p.webp")
    found = predict(trained, [tmp_path / "p.webp"], Silent(), top=3)
    lines = bars(found).splitlines()
    assert lines[0].endswith("p.webp")
    for line, guess in zip(lines[1:4], found[0].guesses, strict=True):
        assert guess.name in line
        assert abs(line.count("\u2588") - 30 * guess.p) <= 1
    write(Analysis("title", [], [Panel("guesses", "", found * 5)]), [tmp_path / "f.png"])
    with Image.open(tmp_path / "f.png") as figure:
        assert np.asarray(figure.convert("L")).std() > 10
