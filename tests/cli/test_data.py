import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from alexcli.cli.main import app


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Class folders of noise: 2 x 12 to train, 2 x 4 to validate."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 4)):
        for name in ("ant", "bee"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                noise = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_a_net_is_trained_and_evaluated_on_a_prepared_store(photos: Path) -> None:
    code, stdout, stderr = run(
        "data", "prepare", str(photos), "store", "size=36", "--format", "json"
    )
    assert code == 0, stderr
    prepared = json.loads(stdout)
    assert prepared["counts"] == {"train": 24, "val": 8}
    overrides = [
        "model=tiny",
        "data=store",
        "data.root=store",
        "optim.epochs=1",
        "optim.batch_size=8",
    ]
    code, _, stderr = run("train", *overrides)
    assert code == 0, stderr
    code, stdout, stderr = run("eval", "--ten-crop", "--format", "json")
    assert code == 0, stderr
    assert json.loads(stdout)[0]["protocol"]["resize"] == prepared["resize"]
    assert prepared["resize"].startswith("shorter side, bilinear")


def test_prepare_says_what_to_type_next(photos: Path) -> None:
    _, _, stderr = run("data", "prepare", str(photos), "store", "size=36")
    net = "model=tiny model.input.size=32"
    assert f" train data=store data.root=store {net}\n" in stderr
    (photos / "val").rename(photos.parent / "elsewhere")
    _, _, stderr = run("data", "prepare", str(photos), "store2", "size=36")
    assert f" train data=store data.root=store2 data.val=0.1 {net}\n" in stderr
    _, _, stderr = run("data", "prepare", str(photos), "store3", "size=9")
    assert "images of 9 pixels are too small for the nets here\n" in stderr


def test_the_hint_of_a_preview_that_shows_too_small_images_leads_to_one(photos: Path) -> None:
    arguments = ("data", "preview", str(photos), "data.size=64")
    code, _, stderr = run(*arguments)
    assert code == 2
    assert "hint: model=tiny model.input.size=57 reads such images" in stderr
    code, _, stderr = run(*arguments, "model=tiny", "model.input.size=57")
    assert code == 0, stderr


def test_prepare_warns_of_images_that_were_left_out(photos: Path) -> None:
    (photos / "train/ant/0.png").write_bytes(b"no image")
    arguments = ("data", "prepare", str(photos), "store", "size=36", "on_error=skip")
    code, _, stderr = run(*arguments)
    assert code == 0, stderr
    assert "left out: 1 image, see store/undecodable.csv" in stderr
    _, _, stderr = run(*arguments)
    assert "store was finished before; nothing was done" in stderr


def test_prepare_refuses_a_misspelled_key_and_a_url_as_destination(photos: Path) -> None:
    code, _, stderr = run("data", "prepare", str(photos), "store", "sise=36")
    assert code == 2
    assert "did you mean size=36?" in stderr
    code, _, stderr = run("data", "prepare", str(photos), "s3://bucket/store")
    assert code == 2
    assert "aws s3 cp" in stderr
    assert not Path("store").exists()


def test_verify_names_what_is_damaged_and_exits_with_2(photos: Path) -> None:
    run("data", "prepare", str(photos), "store", "size=36")
    assert run("data", "verify", "store")[0] == 0
    path = Path("store/train-00000.bin")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    code, stdout, stderr = run("data", "verify", "store")
    assert code == 2
    assert "train-00000.bin is not what was written" in stdout
    assert "damaged in 1 file\n" in stderr


def test_stats_prints_both_conventions_and_draws_the_mean(photos: Path) -> None:
    run("data", "prepare", str(photos), "store", "size=36")
    code, stdout, stderr = run("data", "stats", "store", "--out", "figures", "--format", "json")
    assert code == 0, stderr
    statistics = json.loads(stdout)
    stdevs = np.sqrt(statistics["eigenvalues"])
    assert np.allclose(statistics["noise"]["stdev"], 0.1 * stdevs)
    assert np.allclose(statistics["noise"]["eigenvalue"], 0.1 * stdevs**2)
    assert json.loads(Path("figures/statistics.json").read_text()) == statistics
    with Image.open("figures/mean.png") as figure:
        assert min(figure.size) > 300


@pytest.mark.parametrize("arguments", [("stats", "seed=1"), ("preview", "optim.lr=3")])
def test_a_key_without_effect_is_refused(arguments: tuple[str, str]) -> None:
    code, _, stderr = run("data", *arguments)
    assert code == 2
    assert f"{arguments[1]} has no effect on `data {arguments[0]}`" in stderr
    code, _, stderr = run("data", "stats", "optm.lr=3")
    assert "did you mean optim.lr=3?" in stderr


def test_preview_draws_a_sheet(photos: Path) -> None:
    code, stdout, stderr = run(
        "data", "preview", str(photos), "data.size=36", "model=tiny", "--index", "3"
    )
    assert code == 0, stderr
    assert stdout == "preview.png\n"
    with Image.open("preview.png") as figure:
        assert figure.size[0] > figure.size[1] > 500


def test_preview_refuses_an_index_outside_of_the_training_set(photos: Path) -> None:
    code, _, stderr = run(
        "data", "preview", str(photos), "data.size=36", "model=tiny", "--index", "24"
    )
    assert code == 2
    assert "0 to 23" in stderr


@pytest.mark.parametrize("suffix", ["csv", "json", "nothing"])
def test_preview_refuses_a_file_that_is_no_image(photos: Path, suffix: str) -> None:
    arguments = ("model=tiny", "data.size=36", "--out", f"x.{suffix}")
    code, _, stderr = run("data", "preview", str(photos), *arguments)
    assert code == 2
    assert f"'{suffix}' is not supported" in stderr


def test_one_place_at_a_time_is_looked_at(photos: Path) -> None:
    code, _, stderr = run("data", "stats", str(photos), str(photos))
    assert code == 2
    assert "one store or folder at a time" in stderr


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.root=elsewhere", "photos and data.root=elsewhere name two places"),
        ("data=synthetic", "the embedded images are not in a folder, but photos is named"),
    ],
)
def test_a_place_that_an_override_contradicts_is_refused(override: str, message: str) -> None:
    code, _, stderr = run("data", "stats", "photos", override)
    assert code == 2
    assert message in stderr
    assert "hint: " in stderr


def test_list_shows_how_to_get_the_known_sources() -> None:
    code, stdout, _ = run("data", "list", "--format", "json")
    assert code == 0
    assert {"CIFAR-10", "ILSVRC-2012"} <= {row["name"] for row in json.loads(stdout)}


def test_preview_replaces_no_image_of_the_data(photos: Path) -> None:
    image = next(path for path in photos.rglob("*") if path.is_file())
    before = image.read_bytes()
    code, _, stderr = run("data", "preview", str(photos), "data.size=36", "--out", str(image))
    assert code == 2
    assert "would replace a file of the images that are read" in stderr
    assert image.read_bytes() == before


@pytest.mark.parametrize("place", ["file", "file/manifest.json"])
def test_a_file_in_the_place_of_a_store_is_no_store(place: str) -> None:
    Path("file").write_text("not a store")
    for words in (["data", "verify", place], ["data", "stats", "data=store", f"data.root={place}"]):
        code, _, stderr = run(*words)
        assert code == 2, stderr
        assert "Traceback" not in stderr
        assert "hint:" in stderr
