"""What `predict` returns: the most likely classes of each image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy would slow down --help
    import numpy as np
    import numpy.typing as npt


@dataclass
class ClassProbability:
    """A class and the probability that a net gives it."""

    class_: str
    """As the data has it (a WNID of ImageNet)."""
    name: str
    """Readable."""
    p: float

    def as_json(self) -> dict[str, Any]:
        """Its form in json and csv."""
        return {"class": self.class_, "name": self.name, "p": self.p}


@dataclass
class ImagePrediction:
    """The most likely classes of one image."""

    file: str
    """Path of the image, or its name in its data set."""
    predictions: list[ClassProbability]
    """Most likely first."""
    label: str | None
    """The true class, if it is known."""
    label_name: str | None
    """Its readable name."""
    image: "npt.NDArray[np.uint8] | None" = None
    """(S, S, 3), for a figure."""
