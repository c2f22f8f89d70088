"""A model card: Markdown beside an exported file."""

import json
from collections.abc import Iterator
from pathlib import Path

from alexcli.errors import plural
from alexcli.files import write_atomic, writing
from alexcli.records.model_card import ModelCard
from alexcli.render.escape import markdown_prose
from alexcli.render.tables import percent

UNKNOWN = "unknown: no record of it"
RESIZES = {
    "shorter": "the shorter side to {stored} pixels, then the centre of {stored} x {stored}",
    "torchvision": "the shorter side to {stored} pixels, then the centre of {stored} x {stored}, "
    "both rounded as torchvision's Resize and CenterCrop do",
    "warp": "the whole image squeezed to {stored} x {stored} pixels",
}
"""The values of `data.resize` in words."""


def write_card(card: ModelCard, path: Path) -> None:
    """Write a card atomically.

    Args:
        card: what is known.
        path: the new file.

    Raises:
        UsageError: it cannot be written.
    """
    with writing(path, hint="--out PATH"):
        write_atomic(path, card_text(card))


def card_text(card: ModelCard) -> str:
    """The text of a card, in Markdown."""
    sections = {
        "Training": _training(card),
        "Errors": _errors(card),
        "Input": _input(card),
        "Loading": _loading(card),
        "Licence and origin": _origin(card),
    }
    kind = "net imported into" if card.source else "net trained by"
    head = (
        f"# {markdown_prose(card.model)}\n\nA {kind} alexcli, in {markdown_prose(card.file)} "
        f"({card.format}): {card.parameters:,} parameters, {plural(card.classes, 'class')}."
    )
    parts = [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join([head, *parts]) + "\n"


def _training(card: ModelCard) -> Iterator[str]:
    yield f"- run: {markdown_prose(card.run)}"
    if card.source:
        yield f"- weights from: {markdown_prose(card.source)}"
        yield from (f"- {markdown_prose(note)}" for note in card.import_notes)
        yield "- how they were trained is not recorded"
        return
    yield f"- data: {markdown_prose(card.data or UNKNOWN)}"
    if card.data_fingerprint and card.train_images is not None:
        yield f"- training images: {card.train_images:,}, fingerprint {card.data_fingerprint}"
    yield f"- seed: {card.seed}"
    yield f"- epochs: {UNKNOWN if card.epochs is None else card.epochs}"


def _errors(card: ModelCard) -> Iterator[str]:
    if not card.errors:
        yield "None is recorded: the run was not finished here, or the weights were imported."
        return
    yield "As recorded by the run; one view of each image, the centre crop.\n"
    yield "| split | images | top-1 error | top-5 error |\n|---|---|---|---|"
    for error in card.errors:
        images = "-" if error.n is None else f"{error.n:,}"
        top5 = "-" if error.top5_err is None else percent(error.top5_err)
        yield f"| {error.split} | {images} | {percent(error.top1_err)} | {top5} |"
    if card.val:
        yield f"\nThe validation images {markdown_prose(card.val)}."
    if card.note:
        yield f"\nOf the data: {markdown_prose(card.note)}."


def _input(card: ModelCard) -> Iterator[str]:
    pixels = card.pixels
    channels = 1 if pixels.gray else 3
    if card.takes_stored_images:
        shape = f"(N, {pixels.stored}, {pixels.stored}, 3)"
        yield f"`x`: uint8, {shape}, what step 1 gives; the file does steps 2 and 3.\n"
    else:
        yield f"`x`: float32, (N, {channels}, {pixels.crop}, {pixels.crop}).\n"
    resize = RESIZES[pixels.resize].format(stored=pixels.stored)
    yield f"1. Red, green, blue, 0 to 255; {resize} ({pixels.kernel}, antialiased)."
    yield f"2. The centre of {pixels.crop} x {pixels.crop} pixels."
    yield f"3. {'; '.join(_normalization(card))}."


def _normalization(card: ModelCard) -> Iterator[str]:
    """How the grey levels of a crop are normalized."""
    pixels = card.pixels
    means = ", ".join(f"{mean:.4f}" for mean in pixels.channel_means)
    if pixels.mean == "image":
        yield (
            f"subtract the centre of the mean image, whose channel means are {means}"
            f"{_where_the_mean_is(card)}"
        )
    elif pixels.mean == "channel":
        yield f"subtract {means}"
    else:
        yield "subtract nothing"
    if pixels.scale != 1:
        yield f"multiply by {pixels.scale:g}"
    if pixels.deviations:
        yield f"divide by {', '.join(f'{deviation:g}' for deviation in pixels.deviations)}"
    if pixels.gray:
        yield f"gray: {' + '.join(f'{w:g} {c}' for w, c in zip(pixels.gray, 'RGB', strict=True))}"
    yield "channels first" if not pixels.gray else "one channel"


def _where_the_mean_is(card: ModelCard) -> str:
    if card.format == "safetensors":
        return " (`preprocess.mean_image` in the file)"
    return "" if card.takes_stored_images else " (`--preprocessing` exports it with the net)"


def _loading(card: ModelCard) -> Iterator[str]:
    name = json.dumps(card.file)
    yield "```python"
    if card.format == "onnx":
        yield "import onnxruntime"
        yield f"session = onnxruntime.InferenceSession({name})"
        yield '(scores,) = session.run(None, {"x": x})  # (N, classes), before the softmax'
    elif card.format == "torch":
        yield "import torch"
        yield f"net = torch.export.load({name}).module()"
        yield "scores = net(x)  # (N, classes), before the softmax"
    else:
        yield "import safetensors"
        yield f'file = safetensors.safe_open({name}, "pt")  # net.* and preprocess.*'
        yield "weights = {name: file.get_tensor(name) for name in file.keys()}"
    yield "```"
    if card.format != "torch":
        yield "\nThe file's metadata has the configuration (`config`), and the classes in the order"
        yield "of the scores (`classes`, and `names` for people)."
    if card.format == "safetensors":
        yield "`alexcli import weights FILE` makes a run of it, with this preprocessing."


def _origin(card: ModelCard) -> Iterator[str]:
    yield f"- licence of the weights: {UNKNOWN}; it can depend on that of the training data"
    trained_by = "another program" if card.source else f"alexcli {card.trained_by or UNKNOWN}"
    yield f"- trained by: {markdown_prose(trained_by)}"
    yield f"- exported by: alexcli {markdown_prose(card.exported_by)}"
