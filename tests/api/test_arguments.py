"""What the functions of Python's interface share."""

import pytest

from alexcli.api.arguments import check_word, reporter_of
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter


def test_no_progress_is_shown_where_none_is_asked_for() -> None:
    assert isinstance(reporter_of(progress=False), NullReporter)
    reporter = reporter_of(progress=True)
    assert not isinstance(reporter, NullReporter)
    reporter.close()


def test_a_word_that_is_not_taken_is_refused() -> None:
    check_word("split", "val", ["val", "test"])
    with pytest.raises(UsageError, match="split='tset' is not one of val, test"):
        check_word("split", "tset", ["val", "test"])
