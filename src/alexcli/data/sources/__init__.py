"""Sources of images: one file for each value of `data.source`, which is the file's name.

Each file has one public function, `open_splits(spec: DataSpec, reporter: Reporter, net_classes:
Sequence[str] | None = None) -> Dataset`; given the classes of a net to evaluate, a source may lack
its training set.
A source that torchvision can download also has the constant ARCHIVE_FOLDER, the folder that its
archive unpacks to, and one whose images all have one size has IMAGE_SIZE, their side in pixels.

To add a source, add a file here, its name to `Source` in schema/data.py, and conf/data/NAME.yaml.
"""
