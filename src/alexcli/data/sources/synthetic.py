"""Source `synthetic`: images generated in about a second, without any download."""

from alexcli.data import synthetic
from alexcli.data.dataset import Dataset, digest
from alexcli.data.images import ArrayImages, ImageSource
from alexcli.data.sources.in_memory import cached_images
from alexcli.errors import UsageError
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec


def open_splits(spec: DataSpec, _reporter: Reporter) -> Dataset:
    """Generate the synthetic images, or read them from the cache.

    Args:
        spec: their counts, size and seed.

    Raises:
        UsageError: `data.root` or `data.download` is set, which would have no effect.
    """
    if spec.root is not None or spec.download:
        raise UsageError(
            "data=synthetic generates its images: it takes neither data.root nor data.download",
            hint="data=folder data.root=DIR, or experiment=imagenette data.root=DIR",
        )
    counts = {"train": spec.train_count, "val": spec.val_count, "test": spec.val_count}
    identity = digest(["synthetic", synthetic.VERSION, spec.size, counts, spec.seed])

    def draw(split: str) -> ImageSource:
        images, labels = synthetic.draw(split, counts[split], size=spec.size, seed=spec.seed)
        return ArrayImages(images, labels)

    splits = cached_images(f"synthetic-{identity}", list(counts), draw)
    return Dataset.from_splits(
        list(synthetic.CLASSES),
        splits,
        fingerprint=identity,
        size=spec.size,
        resize=f"generated at {spec.size}",
    )
