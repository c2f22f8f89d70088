import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from alexcli.cli.main import app


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 4)):
        for name in ("ant", "bee"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                noise = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / f"{i}.png")
    return tmp_path / "photos"


def test_prepare_then_train_and_evaluate_on_the_store(photos: Path) -> None:
    code, out, err = run("data", "prepare", str(photos), "store", "size=36", "--format", "json")
    assert code == 0, err
    made = json.loads(out)
    assert made["counts"] == {"train": 24, "val": 8}
    words = ["model=tiny", "data=store", "data.root=store", "optim.epochs=1", "optim.batch_size=8"]
    code, out, err = run("train", *words)
    assert code == 0, err
    code, out, err = run("eval", "--ten-crop", "--format", "json")
    assert code == 0, err
    assert json.loads(out)[0]["protocol"]["resize"] == made["resize"]
    assert made["resize"].startswith("shorter side, bilinear")


def test_prepare_refuses_a_misspelled_key_and_a_url_as_destination(photos: Path) -> None:
    code, _, err = run("data", "prepare", str(photos), "store", "sise=36")
    assert (code, "did you mean size?" in err) == (2, True)
    code, _, err = run("data", "prepare", str(photos), "s3://bucket/store")
    assert (code, "aws s3 cp" in err) == (2, True)
    assert not Path("store").exists()


def test_verify_names_what_is_damaged_and_exits_with_2(photos: Path) -> None:
    run("data", "prepare", str(photos), "store", "size=36")
    assert run("data", "verify", "store")[0] == 0
    path = Path("store/train-00000.bin")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    code, out, err = run("data", "verify", "store")
    assert code == 2
    assert "train-00000.bin is not what was written" in out
    assert "damaged in 1 file\n" in err


def test_stats_prints_both_conventions_and_draws_the_mean(photos: Path) -> None:
    run("data", "prepare", str(photos), "store", "size=36")
    code, out, err = run("data", "stats", "store", "--out", "figures", "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    root = np.sqrt(found["eigenvalues"])
    assert np.allclose(found["noise"]["stdev"], 0.1 * root)
    assert np.allclose(found["noise"]["eigenvalue"], 0.1 * root**2)
    assert json.loads(Path("figures/statistics.json").read_text()) == found
    with Image.open("figures/mean.png") as drawn:
        assert min(drawn.size) > 300


def test_preview_draws_a_sheet(photos: Path) -> None:
    code, out, err = run(
        "data", "preview", str(photos), "data.size=36", "model=tiny", "--index", "3"
    )
    assert (code, out) == (0, "preview.png\n"), err
    with Image.open("preview.png") as drawn:
        assert drawn.size[0] > drawn.size[1] > 500
    code, _, err = run(
        "data", "preview", str(photos), "data.size=36", "model=tiny", "--index", "24"
    )
    assert (code, "0 to 23" in err) == (2, True)
    for ending in ("csv", "json", "nothing"):
        words = ("model=tiny", "data.size=36", "--out", f"x.{ending}")
        code, _, err = run("data", "preview", str(photos), *words)
        assert (code, f"'{ending}' is not supported" in err) == (2, True)


def test_list_says_how_to_get_what() -> None:
    code, out, _ = run("data", "list", "--format", "json")
    assert code == 0
    assert {"CIFAR-10", "ILSVRC-2012"} <= {row["name"] for row in json.loads(out)}
