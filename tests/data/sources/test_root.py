import pytest

from alexcli.data.open import open_dataset
from alexcli.data.sources.root import required_root
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Source


@pytest.mark.parametrize("source", [source for source in Source if source != Source.synthetic])
def test_every_source_but_the_synthetic_one_needs_a_root(source: Source) -> None:
    with pytest.raises(UsageError, match=rf"data={source} needs data\.root"):
        open_dataset(DataSpec(source=source))


def test_a_root_is_returned_as_it_was_typed() -> None:
    spec = DataSpec(source=Source.store, root="s3://bucket/store/")
    assert required_root(spec) == "s3://bucket/store/"
