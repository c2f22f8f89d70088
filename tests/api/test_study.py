"""Studies from Python."""

from pathlib import Path
from typing import Any

import pytest

import alexcli
from alexcli.errors import UsageError
from tests.conftest import SMALL


@pytest.mark.slow
def test_a_study_is_repeated() -> None:
    (result,) = alexcli.ablate("lrn", *SMALL, seeds=1, progress=False)
    assert [arm.name for arm in result.arms] == ["baseline", "without"]
    assert result.missing == 0


def test_a_study_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="no study is named"):
        alexcli.ablate("data.train_count=100")
    with pytest.raises(UsageError, match="'lrm' does not exist"):
        alexcli.ablate("lrm", seeds=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 0}, "seeds=0 is not a whole number from 1 to 1,000"),
        ({"seeds": "auto"}, "seeds='auto' is not a whole number"),
        ({"jobs": 0}, "jobs=0 is not a whole number from 1"),
        ({"precision": 0}, "precision=0 is not above 0"),
        ({"precision": 51}, "precision=51 is not above 0 and at most 50 points"),
        ({"minutes": -1}, "minutes=-1 is not a time"),
        ({"seeds": 4, "precision": 0.5}, "determine the number of seeds, and so does seeds=4"),
        ({"setting": "own"}, "setting='own' is not one of auto, mechanism, plain"),
    ],
)
def test_nothing_is_trained_for_a_wrong_argument(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        alexcli.ablate("lrn", **arguments)
    assert not Path("runs").exists()
