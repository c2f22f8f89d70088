import pytest

from alexcli.weights.caffe_format import MESSAGES, V1_TYPES, parse
from tests.weights.caffe_files import integer, number, piece


def test_every_message_is_known_to_protobuf() -> None:
    for message in MESSAGES:
        assert parse(message, b"") is not None


def test_absent_fields_have_caffes_defaults() -> None:
    lrn = parse("LRNParameter", integer(1, 3))
    assert (lrn.local_size, lrn.alpha, lrn.beta, lrn.k) == (3, 1, 0.75, 1)
    assert parse("ConvolutionParameter", b"").group == 1
    assert parse("PoolingParameter", b"").stride == 1


def test_undeclared_fields_are_skipped() -> None:
    net = parse("NetParameter", integer(5, 1) + piece(1, "name") + number(9, 1))
    assert net.name == "name"


def test_bytes_of_something_else_are_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse("NetParameter", b"PK\x03\x04 a zip file")


def test_the_enumerated_types_have_the_names_of_the_new_form() -> None:
    assert (V1_TYPES[4], V1_TYPES[14], V1_TYPES[15]) == ("Convolution", "InnerProduct", "LRN")
