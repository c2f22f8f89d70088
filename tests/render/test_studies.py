"""The tables of `alexcli ablate`."""

from dataclasses import replace

from alexcli.records.study import ArmResult, Difference, Precision, StudyResult
from alexcli.render.studies import outcome_table, overview, study_table

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
        Difference("top1_err", 0.025, 0.01, 0.04, 2, 0.014, None, "-", correlation=0.5),
        Difference(
            "epochs",
            2.1,
            1.5,
            3.0,
            2,
            6,
            "higher",
            "agrees",
            reason="threshold not reached in 17 epochs by 2 of 2",
            margin=2.45,
            bound="above",
            pairing_gain=1.6,
        ),
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
    assert error == ["baseline", "top-1 error", "11.00 ± 1.41%", 2, *[""] * 6]
    assert epochs[:4] == ["baseline", "epochs", "2.0", 1]
    assert arm_error[3:] == [2, "+2.50", "+1.00 to +4.00", "+0.50", "+1.40", "-", "-"]
    assert arm_epochs[2] == "not reached"
    assert arm_epochs[4:6] == ["more than 2.10 times", "1.50 times or more"]
    assert arm_epochs[7:] == ["6.00 times", "higher", "agrees"]


def test_a_narrow_screen_has_the_outcome_of_an_arm_in_a_sentence() -> None:
    ratio = "agrees: epochs more than 2.10 times (1.50 times or more), 2 seeds; the paper: "
    assert outcome_table(STUDY).rows == [["without", f"{ratio}6.00 times"]]
    points = "top-1 error +2.50 points (+1.00 to +4.00), 2 seeds; the paper: +1.40"
    assert outcome_table(replace(STUDY, metric="top1_err")).rows == [["without", points]]


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


def test_the_note_says_how_sure_the_verdicts_are() -> None:
    measured = replace(
        STUDY,
        compared=3,
        mechanism="fainter photographs",
        arms=[BASELINE, replace(ARM, not_learned=[1])],
        precision=Precision(wanted=0.1, reached=0.3, seeds_wanted=12, minutes_wanted=7.6),
    )
    note = study_table(measured).note or ""
    assert "a demonstration of a mechanism on synthetic images: fainter photographs" in note
    assert "without: 1 of 2 nets did not learn (seeds 1)" in note
    assert "without: threshold not reached in 17 epochs by 2 of 2" in note
    assert "verdicts allow for 3 comparisons (Holm); intervals do not" in note
    assert "equivalent: within a factor of 2.45" in note
    assert (
        "pairing helped (variance of an unpaired difference over that of a paired one: 1.6)" in note
    )
    assert "precision: ± 10.0% wanted, ± 30.0% reached; 12 seeds would take it there" in note
    assert "about 8 more minutes here: the same command with a larger --budget goes on" in note


def test_an_overview_names_studies_that_are_not_precise_enough() -> None:
    precise = replace(STUDY, precision=Precision(0.1, 0.09, None, None))
    assert "wider than" not in str(overview([precise, STUDY]).note)
    wide = replace(STUDY, kind="plain", precision=Precision(0.1, 0.3, 1200, 7.6))
    note = str(overview([precise, wide]).note)
    assert note.endswith("with the seeds that it would take: lrn-plain ± 30.0% (1,200)")


def test_the_note_says_what_decided_where_the_interval_does_not() -> None:
    led = replace(
        ARM.differences[1],
        low=0.4,
        high=11.0,
        bound=None,
        reason="",
        seeds=4,
        by_seed=[1.2, 1.3, 1.4, 9.0],
    )
    study = replace(STUDY, arms=[BASELINE, replace(ARM, differences=[led])])
    note = study_table(study).note
    assert "without: higher in 4 of 4 seeds, median 1.35 times: decided by signed ranks" in note
    undecided = replace(led, verdict="undecided")
    study = replace(STUDY, arms=[BASELINE, replace(ARM, differences=[undecided])])
    assert "signed ranks" not in study_table(study).note
    assert overview([study]).rows[0][4:6] == [4, 4]


def test_where_a_few_seeds_lead_the_mean_the_median_is_told_with_its_interval() -> None:
    by_seed = [0.002, 0.004, 0.005, 0.006, 0.007, 0.009, 0.9]
    led = Difference("top1_err", 0.133, -0.18, 0.45, 7, 0.014, None, "undecided", by_seed=by_seed)
    study = replace(
        STUDY,
        metric="top1_err",
        arms=[BASELINE, replace(ARM, differences=[led])],
        precision=Precision(wanted=0.005, reached=0.315, seeds_wanted=6000, minutes_wanted=2000),
    )
    cell = overview([study]).rows[0][6]
    assert cell == "+13.30, median +0.60 (+0.20 to +90.00)"
    note = study_table(study).note or ""
    assert "6,000 seeds would take it there; mean and median are more than a point apart" in note
    assert "more minutes" not in note


def test_the_overview_names_arms_whose_nets_did_not_learn() -> None:
    count = len(ARM.values["top1_err"])
    learned = replace(STUDY, arms=[BASELINE, replace(ARM, not_learned=[])])
    assert "did not learn" not in str(overview([learned]).note)
    failed = replace(STUDY, kind="plain", arms=[BASELINE, replace(ARM, not_learned=[1])])
    expected = f"; nets that did not learn: {STUDY.name}-plain/without 1 of {count}"
    assert str(overview([failed]).note).endswith(expected)


def test_a_reached_precision_asks_for_nothing() -> None:
    precision = Precision(wanted=0.005, reached=0.004, seeds_wanted=None, minutes_wanted=None)
    note = study_table(replace(STUDY, metric="top1_err", precision=precision)).note or ""
    assert note.splitlines()[-2] == "precision: ± 0.50 points wanted, ± 0.40 points reached"


def test_pairing_that_did_not_help_is_told() -> None:
    gap = replace(ARM.differences[1], pairing_gain=0.6)
    note = study_table(replace(STUDY, arms=[BASELINE, replace(ARM, differences=[gap])])).note or ""
    assert "pairing did not help" in note
