"""The names of all claims."""

from alexcli.claims.ledger import read_ledger
from alexcli.claims.names import claim_names


def test_the_names_are_those_of_the_whole_ledger() -> None:
    assert claim_names() == list(read_ledger().claims)
