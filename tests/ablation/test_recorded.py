"""Studies that were measured earlier."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from alexcli.ablation.plan import Ablation
from alexcli.ablation.recorded import file_name, read_studies, read_study_result
from alexcli.ablation.results import study_results
from alexcli.errors import UsageError
from alexcli.records.study import ArmResult, Difference, StudyResult
from alexcli.reporter import NullReporter
from tests.ablation.finished import finish
from tests.conftest import SMALL


def _measured(name: str, setting: str) -> StudyResult:
    ablation = Ablation([name], SMALL, 3, setting)
    for job in ablation.jobs():
        is_baseline = job.name.endswith("/baseline")
        finish(job, 0.1 + 0.001 * job.spec.seed if is_baseline else 0.13)
    (study,) = study_results(ablation, NullReporter())
    return study


def _write(study: StudyResult, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{file_name(study)}.json"
    path.write_text(json.dumps({**asdict(study), "command": "alexcli ablate", "on": {}}))
    return path


def test_a_study_is_read_as_it_was_written(tmp_path: Path) -> None:
    study = _measured("lrn", "mechanism")
    path = _write(study, tmp_path)
    assert path.name == "lrn-mechanism.json"
    assert read_study_result(path) == study


def test_files_of_two_chosen_settings_have_the_names_of_their_labels() -> None:
    study = _measured("lrn", "plain")
    assert file_name(study) == "lrn-plain"
    labels = ["cifar_18", "cifar_ablation"]
    chosen = [replace(study, kind="chosen", label=label) for label in labels]
    assert [file_name(one) for one in chosen] == ["lrn-cifar_18", "lrn-cifar_ablation"]


def test_a_folder_that_does_not_exist_is_told_from_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        read_studies(tmp_path / "nothing")
    with pytest.raises(UsageError, match="has no studies"):
        read_studies(tmp_path)
    (tmp_path / "ablations").mkdir()
    with pytest.raises(UsageError, match="has no studies") as caught:
        read_studies(tmp_path)
    assert caught.value.hint == f"did you mean {tmp_path}/ablations?"
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        read_studies(tmp_path / "file")


def test_a_study_carries_the_label_of_its_baseline() -> None:
    assert _measured("lrn", "plain").label == "quickstart"


def test_the_verdicts_of_a_folder_allow_for_all_of_it(tmp_path: Path) -> None:
    for setting in ("mechanism", "plain"):
        _write(_measured("lrn", setting), tmp_path)
    _write(_measured("towers", "plain"), tmp_path)
    studies = read_studies(tmp_path)
    assert [file_name(study) for study in studies] == ["lrn-mechanism", "lrn-plain", "towers-plain"]
    assert {study.compared for study in studies} == {4}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"arms": 3}', '{"name": "lrn"}'])
def test_another_file_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "lrn.json").write_text(content)
    with pytest.raises(UsageError, match=r"lrn.json is not what `ablate --out` writes"):
        read_studies(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../../x"}, "name, kind or arms"),
        ({"kind": "other"}, "name, kind or arms"),
        ({"label": "../../x"}, "not the name of a folder"),
        ({"arms": []}, "name, kind or arms"),
        ({"metric": "speed"}, "'speed' is none of"),
        ({"metric": ["top1_err"]}, "another type"),
        ({"n": 10**30}, "too large"),
        ({"missing": "none"}, "another type"),
        ({"precision": {}}, "its fields are not those of a study"),
        ({"unknown": 1}, "its fields are not those of a study"),
        ({"arms": {"a": 1}}, "its fields are not those of a study"),
    ],
)
def test_a_study_that_nobody_measured_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    study = StudyResult(
        "lrn", "", "", "top1_err", None, "", 1, [ArmResult("a", [], "", {}, [], [])], 0
    )
    content = {**asdict(study), **change}
    (tmp_path / "lrn.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=f"is not what `ablate --out` writes: .*{message}"):
        read_studies(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"paper": "much"},
        {"notes": {}},
        {"bound": "beside"},
        {"metric": "epochs", "by_seed": [1.2, 0.0]},
    ],
)
def test_a_difference_that_nobody_measured_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    difference = Difference("top1_err", None, None, None, 0, None, None, "-")
    arm = ArmResult("a", [], "", {}, [difference], [])
    content = asdict(StudyResult("lrn", "", "", "top1_err", None, "", 1, [arm], 0))
    (tmp_path / "lrn.json").write_text(json.dumps(content))
    assert len(read_studies(tmp_path)) == 1
    content["arms"][0]["differences"][0] |= change
    (tmp_path / "lrn.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match="is not what `ablate --out` writes"):
        read_studies(tmp_path)


def test_a_folder_without_studies_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no studies"):
        read_studies(tmp_path)
