"""The tables of `alexcli ablate`."""

from alexcli.records.study import ArmResult, Difference, StudyResult
from alexcli.render.studies import study_table

BASELINE = ArmResult(
    name="baseline",
    changes=[],
    command="alexcli train",
    values={"top1_err": {0: 0.10, 1: 0.12}, "epochs": {0: 2.0, 1: None}},
    differences=[],
    runs=[],
)
ARM = ArmResult(
    name="without",
    changes=["model.norm: lrn -> none"],
    command="alexcli train model.norm=none",
    values={"top1_err": {0: 0.13, 1: 0.14}, "epochs": {0: None, 1: None}},
    differences=[
        Difference("top1_err", 0.025, 0.01, 0.04, 2, 0.014, None, "sign agrees"),
        Difference("epochs", None, None, None, 2, 6, "higher", "not reached by 2 of 2"),
    ],
    runs=[],
)
STUDY = StudyResult(
    name="lrn",
    about="normalisation, or none",
    claim="section 3.3",
    metric="epochs",
    threshold=0.25,
    setting="tiny, 150 images",
    n=60,
    arms=[BASELINE, ARM],
    missing=1,
)


def test_people_read_percent_points_and_ratios() -> None:
    error, epochs, arm_error, arm_epochs = study_table(STUDY).rows
    assert error == ["baseline", "top-1 error", "11.00 ± 1.41%", 2, "", "", "", "", ""]
    assert epochs[:4] == ["baseline", "epochs", "2.0", 1]
    assert arm_error[3:] == [2, "+2.50", "+1.00 to +4.00", "+1.40", "-", "sign agrees"]
    assert arm_epochs[2] == "not reached"
    assert arm_epochs[6:] == ["6.00 times", "higher", "not reached by 2 of 2"]


def test_machines_read_what_was_measured() -> None:
    exact = study_table(STUDY).exact
    assert exact is not None
    assert exact.columns[-1] == "verdict"
    assert exact.records()[2]["difference"] == 0.025
    assert exact.records()[2]["95% interval"] == "0.01 to 0.04"
    assert exact.records()[0]["verdict"] is None


def test_the_note_names_changes_claim_setting_and_missing_runs() -> None:
    note = study_table(STUDY).note or ""
    assert "without: model.norm: lrn -> none" in note
    assert "claim: section 3.3" in note
    assert "epochs until the training error is 25.00%" in note
    assert "not finished: 1 run" in note
