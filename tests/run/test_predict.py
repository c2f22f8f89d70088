from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.open import open_dataset
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate
from alexcli.run.predict import find_images, predict, with_pixels
from alexcli.run.trained import TrainedModel, load


@pytest.fixture
def trained(run: RunDirectory) -> TrainedModel:
    return load(run, run.last)


def test_predict_and_eval_agree(trained: TrainedModel, run: RunDirectory, tmp_path: Path) -> None:
    """Images of the validation set, written to files, get the probabilities of `eval`."""
    val = open_dataset(trained.spec.data).val
    folder = tmp_path / "images"
    folder.mkdir()
    for number, pixels in enumerate(val.fetch(range(7))):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    evaluation = evaluate([(run, run.last)], NullReporter(), split="val", protocols=["ten"])
    expected = evaluation.predictions[0]
    predictions = predict(trained, find_images([folder]), NullReporter(), ten_crop=True)
    for number, image in enumerate(predictions):
        classes = [trained.classes.index(best.class_) for best in image.predictions]
        assert classes == expected.top[number].tolist()
        probabilities = [best.p for best in image.predictions]
        assert probabilities == pytest.approx(expected.top_p[number].tolist(), abs=1e-5)


def test_labels_come_from_a_list_or_from_the_folders_name(
    trained: TrainedModel, tmp_path: Path
) -> None:
    folder = tmp_path / trained.classes[3]
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (50, 40)).save(folder / name)
    files = find_images([folder])
    by_folder = predict(trained, files, NullReporter())
    assert {image.label for image in by_folder} == {trained.classes[3]}
    labels = tmp_path / "list"
    labels.write_text("10\n1\n")
    by_list = predict(trained, files, NullReporter(), labels=labels)
    assert [image.label for image in by_list] == [trained.classes[9], trained.classes[0]]
    labels.write_text("10\n")
    with pytest.raises(UsageError, match="1 label for 2 images"):
        predict(trained, files, NullReporter(), labels=labels)


def test_a_list_may_name_the_files(trained: TrainedModel, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (50, 40)).save(tmp_path / name)
    labels = tmp_path / "list"
    labels.write_text(f"elsewhere/b.png {trained.classes[2]}\n")
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    predictions = predict(trained, files, NullReporter(), labels=labels)
    assert [image.label for image in predictions] == [None, trained.classes[2]]


def test_a_figure_shows_what_the_net_read(trained: TrainedModel, tmp_path: Path) -> None:
    """Upright by its EXIF orientation, and 16 bits by their high ones."""
    upright = Image.new("RGB", (40, 60), "red")
    upright.paste("blue", (0, 30, 40, 60))
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be rotated by 90 degrees clockwise
    upright.rotate(90, expand=True).save(tmp_path / "rotated.png", exif=exif)
    gray = np.full((50, 50), 40_000, dtype=np.uint16)
    Image.fromarray(gray).save(tmp_path / "deep.png")
    predictions = predict(trained, find_images([tmp_path]), NullReporter())
    deep, rotated = (each.image for each in with_pixels(trained, predictions))
    assert deep is not None
    assert rotated is not None
    assert set(deep.flatten()) == {40_000 >> 8}
    assert rotated.shape == (512, 512, 3)
    assert rotated[0, 0].tolist() == [255, 0, 0]
    assert rotated[-1, 0].tolist() == [0, 0, 255]


def test_files_that_are_no_images_may_be_left_out_by_name(
    trained: TrainedModel, tmp_path: Path
) -> None:
    Image.new("RGB", (50, 40)).save(tmp_path / "a.png")
    Image.new("RGB", (50, 40), "red").save(tmp_path / "c.png")
    (tmp_path / "b.png").write_text("no")
    files = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    labels = tmp_path / "list"
    labels.write_text("".join(f"{name}\n" for name in trained.classes[:3]))
    unreadable: list[str] = []
    predictions = predict(trained, files, NullReporter(), labels=labels, unreadable=unreadable)
    assert [Path(image.file).name for image in predictions] == ["a.png", "c.png"]
    assert [image.label for image in predictions] == [trained.classes[0], trained.classes[2]]
    (message,) = unreadable
    assert "b.png cannot be decoded: not an image" in message
    alone = predict(trained, [files[2]], NullReporter())
    best = [prediction.p for prediction in predictions[1].predictions]
    assert best == pytest.approx([prediction.p for prediction in alone[0].predictions], abs=1e-6)
    with pytest.raises(UsageError, match=r"b\.png cannot be decoded"):
        predict(trained, [files[1]], NullReporter(), unreadable=[])


def test_a_file_that_is_no_image_is_refused_with_a_hint_for_predict(
    trained: TrainedModel, tmp_path: Path
) -> None:
    (tmp_path / "no.jpg").write_text("no")
    with pytest.raises(UsageError, match=r"no\.jpg cannot be decoded: not an? image") as caught:
        predict(trained, find_images([tmp_path / "no.jpg"]), NullReporter())
    assert "on_error" not in (caught.value.hint or "")


def test_a_missing_path_and_a_folder_without_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nothing.jpg"):
        with pytest.raises(UsageError):
            find_images([path])


def test_images_are_found_in_folders_below_and_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    (folder / "below").mkdir(parents=True)
    for name in ("z.PNG", "below/a.webp", "notes.txt"):
        (folder / name).touch()
    files = find_images([tmp_path / "images", tmp_path / "images/notes.txt"])
    names = [str(file.relative_to(folder)) for file in files]
    assert names == ["below/a.webp", "z.PNG", "notes.txt"]
