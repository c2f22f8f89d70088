"""Where a run starts."""

from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.run.directory import RunDirectory
from alexcli.run.start import directory_for, start_of
from tests.conftest import small


def test_the_directory_names_label_seed_and_fingerprint() -> None:
    run = directory_for(small("seed=3", "label=trial", "runs=all"), "data", init=None)
    assert run.path.parent == Path("all/trial")
    assert run.path.name.startswith("s3-")
    assert len(run.path.name) == len("s3-") + 8


def test_without_a_label_the_folder_joins_model_and_data() -> None:
    run = directory_for(small("label=null"), "data", init=None)
    assert run.path.parent.name == "tiny_synthetic"


def test_other_data_or_other_first_weights_are_another_run() -> None:
    spec = small()
    paths = {
        directory_for(spec, "data", init=None).path,
        directory_for(spec, "other data", init=None).path,
        directory_for(spec, "data", init="0123456789abcdef").path,
    }
    assert len(paths) == 3


@pytest.mark.parametrize("label", ["a/b", "../x", "a~1", ".hidden", "..."])
def test_a_label_that_is_no_plain_folder_name_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match="label="):
        directory_for(small(f"label={label}"), "data", init=None)


def test_a_label_or_a_place_too_long_for_the_disk_is_refused() -> None:
    assert directory_for(small(f"label={'a' * 200}"), "data", init=None).path.parent.name[-1] == "a"
    with pytest.raises(
        UsageError, match="has 300 bytes, and a folder's name may have at most 200"
    ) as long:
        directory_for(small(f"label={'a' * 300}"), "data", init=None)
    assert len(long.value.message) < 150
    with pytest.raises(UsageError, match="cannot be used: File name too long"):
        directory_for(small(f"runs={'a' * 300}"), "data", init=None)


def test_layers_without_a_source_are_refused() -> None:
    with pytest.raises(UsageError, match="needs a run to copy from"):
        start_of(small("init.layers=[conv1]"), "data")


def test_the_name_of_a_run_is_looked_up_in_the_directory_of_all_runs(run: RunDirectory) -> None:
    name = str(run.path.relative_to("runs"))
    Path("runs").rename("elsewhere")
    spec = small("runs=elsewhere", f"init_from={name}")
    assert start_of(spec, "images").source == Path("elsewhere") / name / "last.ckpt"


def test_a_run_from_random_weights_has_no_source() -> None:
    start = start_of(small(), "data")
    assert start.source is None
    assert start.weights == {}
