"""Lists of labels."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from alexcli.data.labels import GROUND_TRUTH, KAGGLE, PLACES, PLACES_CATEGORIES, read_labels
from tests.fuzz.outcomes import used_or_refused
from tests.fuzz.strategies import damaged, label_lists

CLASSES = ["ant", "bee", "cow"]
NAMES = ("labels.txt", KAGGLE, GROUND_TRUTH, PLACES)


def check_labels(path: Path) -> None:
    """A list is refused, or each of its labels is one of the classes."""
    labels = used_or_refused("lists of labels", lambda: read_labels(path, CLASSES))
    if labels is not None:
        assert labels.labels
        assert set(labels.labels) <= set(range(len(CLASSES)))
        assert labels.files is None or len(labels.files) == len(labels.labels)


@given(st.sampled_from(NAMES), label_lists | st.text(max_size=40))
def test_a_list_is_refused_or_names_classes(name: str, text: str) -> None:
    path = Path(name)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    check_labels(path)


@given(label_lists.flatmap(lambda text: damaged(text.encode("utf-16", "surrogatepass"))))
def test_a_damaged_list_is_refused_or_names_classes(content: bytes) -> None:
    path = Path("labels.csv")
    path.write_bytes(content)
    check_labels(path)


@pytest.fixture
def meta() -> bytes:
    """The devkit's meta.mat, of three classes."""
    rows = np.array(
        [(number, name) for number, name in enumerate(CLASSES, 1)],
        dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")],
    )
    scipy.io.savemat("meta.mat", {"synsets": rows})
    return Path("meta.mat").read_bytes()


@given(st.data())
def test_lists_beside_damaged_files_are_refused_or_name_classes(
    meta: bytes, data: st.DataObject
) -> None:
    Path("meta.mat").write_bytes(data.draw(damaged(meta)))
    Path(GROUND_TRUTH).write_text("1\n3\n2\n")
    check_labels(Path(GROUND_TRUTH))
    Path(PLACES_CATEGORIES).write_bytes(data.draw(damaged(b"/a/ant 0\n/b/bee 1\n/c/cow 2\n")))
    Path(PLACES).write_text("x.jpg 1\ny.jpg 2\n")
    check_labels(Path(PLACES))
