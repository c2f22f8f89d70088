"""The tables of the documentation are those that their commands print."""

import pytest

from tests.results.tables import Block, blocks, made

BLOCKS = list(blocks())


def test_the_documents_have_tables() -> None:
    assert {block.command.split()[0] for block in BLOCKS} >= {"claims", "ablate"}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_table_is_what_its_command_prints(block: Block) -> None:
    """`nox -s tables` writes them anew."""
    assert block.table == made(block.command)
