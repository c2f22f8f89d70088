"""The tables of `alexcli claims`."""

from dataclasses import replace

from alexcli.records.claim import Claim, Measurement
from alexcli.render.claims import claim_table, claims_table, measured_text

STUDY = Measurement(
    value="+1.20 (+0.80 to +1.60) points",
    n=9,
    setting="embedded images, tiny",
    brief_setting="embedded images",
    in_paper_setting=False,
    verdict="agrees",
    file="ablations/lrn-plain.json",
)
CLAIM = Claim(
    name="lrn",
    section="3.3",
    claim="Without norms the error is higher",
    paper="+1.4 points",
    notes="",
    command="alexcli ablate lrn",
    cost="minutes",
    remark="",
    brief=True,
    measurements=[STUDY],
)


def test_a_measurement_in_another_setting_says_so() -> None:
    text = "+1.20 (+0.80 to +1.60) points, n = 9, agrees [embedded images, tiny]"
    assert measured_text(STUDY) == text
    count = Measurement(
        "60,965,224", None, "counted", "", in_paper_setting=True, verdict="", file=""
    )
    assert measured_text(count) == "60,965,224"


def test_a_row_says_what_was_not_measured() -> None:
    table = claims_table([CLAIM, replace(CLAIM, measurements=[])])
    assert table.columns[-1] == "command"
    assert [row["measured here"] for row in table.records()] == [
        measured_text(STUDY),
        "not measured",
    ]
    assert table.note is not None
    assert table.note.startswith("2 claims: 0 measured in their own setting, 1 in a smaller one")
    narrow = claims_table([CLAIM], with_commands=False)
    assert narrow.columns == ["name", "claim", "paper", "lab notes", "measured here"]
    assert narrow.records()[0]["measured here"].endswith("agrees [embedded images]")


def test_values_of_one_setting_share_their_bracket() -> None:
    ten = replace(STUDY, value="23.75% with ten", n=1, verdict="")
    without = replace(ten, value="24.85% without", file="another.json")
    elsewhere = replace(without, setting="photographs")
    table = claims_table([replace(CLAIM, measurements=[ten, without, elsewhere])])
    assert table.records()[0]["measured here"] == (
        "23.75% with ten, 24.85% without, n = 1 [embedded images, tiny]; "
        "24.85% without, n = 1 [photographs]"
    )


def test_one_claim_is_told_line_by_line() -> None:
    rows = dict(claim_table(CLAIM).rows)
    assert rows["command"] == "alexcli ablate lrn"
    assert rows["measured"].endswith("ablations/lrn-plain.json")
    assert "remark" not in rows, "nothing to say"
    unmeasured = dict(claim_table(replace(CLAIM, measurements=[])).rows)
    assert unmeasured["measured"] == "not measured"
