import pytest
import torch

from alexcli.analysis import codes
from alexcli.errors import UsageError
from alexcli.records.analysis import LinesPanel
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject


def test_codes_of_each_length_stand_below_the_exact_search() -> None:
    analysis = codes.run(AnalyzeSpec(bits=[8, 16], nearest=3), tiny_subject(training=60))
    exact, *lengths = analysis.tables[0].records()
    assert exact["code"] == "exact"
    assert exact["bytes"] == 4 * 128  # fc7 has 128 units at a quarter of the width
    assert (exact["recall in 3"], exact["recall in 100"]) == (1, 1)
    assert [row["code"] for row in lengths] == ["8 bits", "16 bits"]
    assert [row["bytes"] for row in lengths] == [1, 2]
    # 48 images are searched, so any code finds all neighbours among 100 candidates.
    assert all(row["recall in 100"] == row["random directions"] == 1 for row in lengths)
    assert "among 48 training images for 12 others" in analysis.caption
    (panel,) = analysis.panels
    assert isinstance(panel, LinesPanel)
    assert panel.level is not None
    assert panel.level.y == 1


def test_the_exact_search_tells_close_vectors_apart_however_far_from_the_origin() -> None:
    base = 1000 + torch.arange(60.0)[:, None] / 1024 * torch.ones(4)
    queries = base[[7, 31]] + 1 / 8192
    vectors = codes.Vectors(torch.cat([queries, base]), queries=2)
    indices, _ = codes._exact_neighbors(vectors, 2)
    assert indices.tolist() == [[7, 8], [31, 32]]


@pytest.mark.parametrize("bits", [[], [12], [8, 0]])
def test_lengths_that_are_no_whole_bytes_are_refused(bits: list[int]) -> None:
    with pytest.raises(UsageError, match="multiples of 8"):
        codes.run(AnalyzeSpec(bits=bits), tiny_subject())


def test_more_neighbours_than_searched_images_are_refused() -> None:
    with pytest.raises(UsageError, match="32 training images"):
        codes.run(AnalyzeSpec(nearest=33), tiny_subject(training=40))
