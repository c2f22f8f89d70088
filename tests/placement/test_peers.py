"""What is said when another process is gone."""

import os

import pytest

from alexcli.errors import LostPeerError
from alexcli.placement.peers import lost_peer_errors, output_on_stderr


def test_an_error_of_the_transport_is_that_of_a_lost_peer_with_its_first_line() -> None:
    with pytest.raises(LostPeerError) as caught, lost_peer_errors():
        raise RuntimeError("Connection closed by peer [127.0.0.1]:5\nthread 1: 0x7f")
    assert caught.value.message == (
        "a process of this run is gone: Connection closed by peer [127.0.0.1]:5"
    )
    assert caught.value.hint == "its own message says why; repeat the same command to resume"


def test_an_error_without_words_is_named_by_its_class() -> None:
    with pytest.raises(LostPeerError, match=r"is gone: RuntimeError$"), lost_peer_errors():
        raise RuntimeError


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(KeyError), lost_peer_errors():
        raise KeyError("x")


def test_what_a_library_prints_leaves_standard_output_to_data(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with output_on_stderr():
        os.write(1, b"[Gloo] connected\n")
    os.write(1, b"runs/a\n")
    captured = capfd.readouterr()
    assert captured.out == "runs/a\n"
    assert captured.err == "[Gloo] connected\n"
