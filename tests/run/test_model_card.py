"""What a run's records say of an exported net."""

import dataclasses
import json
from pathlib import Path

import pytest

from alexcli.run.directory import RunDirectory
from alexcli.run.model_card import model_card
from alexcli.run.trained import load
from alexcli.schema import DataSpec, Source, Split


def test_the_numbers_are_those_of_the_runs_records(run: RunDirectory) -> None:
    trained = load(run, run.last, ["trainer.accelerator=cpu"])
    card = model_card(trained, Path("net.onnx"), "onnx", preprocessing=False)
    result = json.loads(run.result_file.read_text())
    val = result["last"]["val"]
    first = card.errors[0]
    assert (first.split, first.n) == ("val", result["data"]["val"])
    assert (first.top1_err, first.top5_err) == (val["top1_err"], val["top5_err"])
    assert card.epochs == val["epoch"]
    assert card.parameters == result["parameters"]
    assert card.data_fingerprint == result["data"]["fingerprint"]
    assert card.pixels.channel_means == pytest.approx(
        trained.preprocess.mean_image.mean((0, 1)).tolist()
    )


def test_a_checkpoint_without_a_record_has_no_errors(run: RunDirectory) -> None:
    trained = load(run, run.last, ["trainer.accelerator=cpu"])
    trained = dataclasses.replace(trained, path=run.path / "previous.ckpt")
    card = model_card(trained, Path("net.onnx"), "onnx", preprocessing=False)
    assert card.errors == []
    assert card.epochs is None


def test_what_a_result_may_leave_out_is_left_out_of_the_card(run: RunDirectory) -> None:
    result = json.loads(run.result_file.read_text())
    del result["last"]["val"]["top5_err"], result["test"]["top5_err"]
    result["on"] = {"devices": []}
    run.result_file.write_text(json.dumps(result))
    trained = load(run, run.last, ["trainer.accelerator=cpu"])
    card = model_card(trained, Path("net.onnx"), "onnx", preprocessing=False)
    assert [row.top5_err for row in card.errors] == [None, None]
    assert card.trained_by is None


def test_the_data_is_named_without_its_place(run: RunDirectory) -> None:
    trained = load(run, run.last, ["trainer.accelerator=cpu"])
    trained.spec.data.root = "/home/somebody/secret/flowers/"
    card = model_card(trained, Path("a/net.onnx"), "onnx", preprocessing=False)
    assert card.data == f"{trained.spec.data.source.name} (flowers)"
    assert "secret" not in str(card)
    assert card.file == "net.onnx"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (DataSpec(source=Source.synthetic), "are drawn by alexcli"),
        (DataSpec(source=Source.cifar10), "are those that the data holds out"),
        (DataSpec(source=Source.folder, val="test"), "are the test images (data.val=test)"),
        (
            DataSpec(source=Source.folder, val="0.1", split_seed=3),
            "are 0.1 of the training images, split off at random (seed 3)",
        ),
        (
            DataSpec(source=Source.synthetic, val="0.2", split=Split.stratified),
            "are 0.2 of the training images, split off each class",
        ),
    ],
)
def test_the_validation_images_of_each_kind_of_data_are_named(
    run: RunDirectory, data: DataSpec, words: str
) -> None:
    trained = load(run, run.last, ["trainer.accelerator=cpu"])
    trained.spec.data = data
    card = model_card(trained, Path("net.onnx"), "onnx", preprocessing=False)
    assert (card.val or "").startswith(words)
