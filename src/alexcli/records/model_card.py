"""What is known about an exported net, for the recipient of the file."""

from dataclasses import dataclass


@dataclass
class MeasuredErrors:
    """Errors of the net on a split, as its run recorded them. Fractions."""

    split: str
    """`val` or `test`."""
    n: int | None
    """Images; None if the run does not say."""
    top1_err: float
    top5_err: float | None
    """None with five classes or fewer."""


@dataclass
class Pixels:
    """The transform of an image file to the net's input."""

    resize: str
    """How an image becomes the stored square: shorter, warp or torchvision (`data.resize`)."""
    kernel: str
    """The filter of the resizing."""
    stored: int
    """Side of the stored square, pixels."""
    crop: int
    """Side of the centre crop that the net reads."""
    gray: tuple[float, ...] | None
    """Weights of red, green and blue if the net reads gray; None for RGB."""
    mean: str
    """What is subtracted: image, channel or none."""
    channel_means: list[float]
    """Means of the mean image's red, green and blue, grey levels."""
    scale: float
    """Factor of the difference."""
    deviations: list[float] | None
    """Divisor of each channel; None if there is none."""


@dataclass
class ModelCard:
    """A net, where it comes from, and how to use its file."""

    file: str
    """Name of the file, without its folder."""
    format: str
    """onnx, safetensors or torch."""
    takes_stored_images: bool
    """Whether the file includes crop and normalization."""
    model: str
    parameters: int
    classes: int
    run: str
    """LABEL/DIRECTORY of the run, followed by the checkpoint's name unless that is `last`."""
    source: str | None
    """Where imported weights come from; None for a net that was trained here."""
    import_notes: list[str]
    """What the import assumed, because the file with the weights does not say it."""
    data: str | None
    """Kind and name of the training data; None if it is not recorded."""
    data_fingerprint: str | None
    train_images: int | None
    val: str | None
    """What the validation images are, as the end of a sentence; None if that is not known."""
    note: str | None
    """What a reader of the errors must know about the data."""
    seed: int
    epochs: int | None
    """Epochs after which this checkpoint was saved; None if they are not recorded."""
    errors: list[MeasuredErrors]
    pixels: Pixels
    trained_by: str | None
    """Version and revision of alexcli that trained it; None if they are not recorded."""
    exported_by: str
