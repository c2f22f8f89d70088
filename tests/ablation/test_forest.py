"""A study as a forest plot."""

import pytest

from alexcli.ablation.forest import forest_panel, overview_panels
from alexcli.ablation.plan import Ablation
from alexcli.ablation.results import study_results
from alexcli.records.study import StudyResult
from alexcli.reporter import NullReporter
from tests.ablation.finished import finish
from tests.conftest import SMALL


def _study(name: str) -> StudyResult:
    ablation = Ablation([name], SMALL, 3)
    for job in ablation.jobs():
        is_baseline = job.name.endswith("/baseline")
        finish(job, 0.1 + 0.001 * job.spec.seed if is_baseline else 0.13)
    (study,) = study_results(ablation, NullReporter())
    return study


def test_errors_are_drawn_in_points() -> None:
    panel = forest_panel(_study("lrn"))
    (row,) = panel.rows
    assert (row.label, panel.zero, panel.log_x) == ("without", 0.0, False)
    assert row.values == pytest.approx([3.0, 2.9, 2.8])
    assert row.mean == pytest.approx(2.9)
    assert row.low is not None
    assert row.low < 2.9
    assert (row.claim, row.margin) == (pytest.approx(1.4), pytest.approx(0.7))
    assert row.verdict == "agrees"


def test_a_median_is_drawn_only_where_a_few_seeds_lead_the_mean() -> None:
    ablation = Ablation(["lrn"], SMALL, 7)
    for job in ablation.jobs():
        did_not_learn = job.spec.seed == 3
        error = 0.9 if did_not_learn else 0.11 + 0.001 * job.spec.seed
        finish(job, 0.1 if job.name.endswith("/baseline") else error)
    (study,) = study_results(ablation, NullReporter())
    (row,) = forest_panel(study).rows
    assert row.median == pytest.approx((1.4, 1.0, 80.0))
    assert row.mean is not None
    assert row.mean > 10
    assert forest_panel(_study("lrn")).rows[0].median is None


def test_epochs_are_drawn_as_ratios_and_a_word_is_no_mark() -> None:
    panel = forest_panel(_study("bias_init"))
    (row,) = panel.rows
    assert (panel.zero, panel.log_x) == (1.0, True)
    assert row.mean is not None
    assert row.mean > 1
    assert (row.claim, row.margin) == (None, 1.1), "`higher` has no place on an axis"


def test_many_studies_are_rows_of_one_plot_and_ratios_of_another() -> None:
    errors, ratios = overview_panels([_study("lrn"), _study("bias_init"), _study("pooling")])
    assert [row.label.split(" (")[0] for row in errors.rows] == [
        "lrn: without",
        "pooling: non_overlapping",
    ]
    assert [row.label.split(":")[0] for row in ratios.rows] == ["bias_init"]
    assert not any(row.values for row in [*errors.rows, *ratios.rows])
    assert (errors.limit, ratios.limit) == (12.0, None)
