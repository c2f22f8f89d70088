"""The text of a model card."""

from dataclasses import replace
from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.records.model_card import MeasuredErrors, ModelCard, Pixels
from alexcli.render.model_card import card_text, write_card

CARD = ModelCard(
    file="net.onnx",
    format="onnx",
    takes_stored_images=False,
    model="alexnet",
    parameters=60965224,
    classes=1000,
    run="mine/s0-1234",
    source=None,
    import_notes=[],
    data="folder (flowers)",
    data_fingerprint="abcd",
    train_images=2000,
    val="are those that the data holds out from training",
    note=None,
    seed=0,
    epochs=90,
    errors=[MeasuredErrors("val", 1000, 0.407, None), MeasuredErrors("test", 500, 0.41, 0.18)],
    pixels=Pixels("shorter", "bilinear", 256, 227, None, "image", [123.0, 117.0, 104.0], 1.0, None),
    trained_by="0.1.0, revision 1a2b3c4d5",
    exported_by="0.1.0",
)


def test_errors_stand_with_split_number_of_images_and_protocol() -> None:
    text = card_text(CARD)
    assert "| val | 1,000 | 40.70% | - |" in text
    assert "| test | 500 | 41.00% | 18.00% |" in text
    assert "one view of each image, the centre crop" in text


def test_the_input_is_described_step_by_step() -> None:
    pixels = replace(
        CARD.pixels,
        resize="warp",
        mean="channel",
        scale=0.5,
        deviations=[58.4, 57.1, 57.4],
        gray=(0.299, 0.587, 0.114),
    )
    text = card_text(replace(CARD, pixels=pixels))
    assert "`x`: float32, (N, 1, 227, 227)." in text
    assert "the whole image squeezed to 256 x 256 pixels (bilinear, antialiased)" in text
    assert "subtract 123.0000, 117.0000, 104.0000; multiply by 0.5; divide by 58.4" in text
    assert "gray: 0.299 R + 0.587 G + 0.114 B" in text
    stored = card_text(replace(CARD, takes_stored_images=True))
    assert "uint8, (N, 256, 256, 3)" in stored


@pytest.mark.parametrize("format_name", ["onnx", "torch", "safetensors"])
def test_the_lines_that_load_a_file_are_three_and_are_python(format_name: str) -> None:
    file = 'a "quoted" name'
    text = card_text(replace(CARD, format=format_name, file=file))
    code = text.partition("```python\n")[2].partition("\n```")[0]
    compile(code, "card", "exec")
    assert len(code.splitlines()) == 3


def test_what_no_record_says_is_unknown() -> None:
    imported = replace(
        CARD, source="net.caffemodel", errors=[], epochs=None, data=None, trained_by=None
    )
    text = card_text(imported)
    assert "None is recorded" in text
    assert "how they were trained is not recorded" in text
    assert "licence of the weights: unknown" in text
    assert "epochs: unknown" in card_text(replace(CARD, epochs=None))


def test_what_an_import_assumed_is_said() -> None:
    imported = replace(CARD, source="net.pth", import_notes=["assumed: k=1 <b>"])
    assert "- weights from: net.pth\n- assumed: k=1 \\<b" in card_text(imported)


def test_names_of_others_are_neither_links_nor_html_nor_escapes() -> None:
    name = "<script>[a](http://b)|\x1b[31m`x`"
    text = card_text(replace(CARD, model=name, run=name, data=name, note=name))
    for raw in ("<script>", "[a](", "\x1b", " `x`"):
        assert raw not in text.replace("\\<", "").replace("\\[", "").replace("\\`", ""), raw


def test_a_card_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        write_card(CARD, tmp_path / "nowhere" / "net.onnx.md")
