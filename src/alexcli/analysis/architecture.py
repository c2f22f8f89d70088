"""Figure 2 of any net: its layers to scale, its towers, and where they meet."""

from typing import Any

from alexcli.analysis import worded
from alexcli.model.shapes import LayerShape, trace
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec, Kind

SLOPE = 0.35  # of an edge that runs away from the reader, as render/figures.py draws it
GAP = 0.42  # between layers, in sides of the picture; for their arrows and words
LEAST = 0.03  # thinnest layer that can be seen


def run(spec: AnalyzeSpec) -> Analysis:
    """Lay out a net's layers.

    The panel's data: `{size: (wide, high), boxes: [(x, y, (wide, high, deep), tower)], joins:
    [(from, to, crosses)], words: [(x, y, text)]}`, in sides of the net's picture, a box's y at half
    of its height. A map's height and depth
    are its side and its width its number of maps, all to one scale each; a fully connected layer's
    height is its number of units.

    Raises:
        UsageError: the layers do not fit together.
    """
    model, shapes, meet = spec.model, trace(spec.model), spec.model.towers > 1
    extents = _extents(shapes, model.input.size, model.towers)
    row = max(tall + SLOPE * deep for _, tall, deep in extents) + 0.75  # a tower with its words
    high = max(row * model.towers, 2.0) + 0.35
    middle = high / 2 - 0.2
    side = f"{model.input.size} x {model.input.size}"
    boxes = [(0.2, middle, (0.05, 1.0, 1.0), -1)]
    words = [(0.4, middle - 0.75, f"picture\n{side} x {model.input.channels}")]
    joins: list[Any] = []
    ends = [(0.25 + SLOPE, middle)] * model.towers
    x = ends[0][0] + GAP
    for shape, (wide, tall, deep) in zip(shapes, extents, strict=True):
        count = 1 if shape.last else model.towers
        places = [high - 0.4 - row * (t + 0.5) for t in range(count)] if count > 1 else [middle]
        words.append((x + wide / 2, high - 0.15, f"{shape.name}\n{_kernel(shape)}"))
        rise, reach = SLOPE * deep / 2, wide + SLOPE * deep
        for tower, y in enumerate(places):
            boxes.append((x, y, (wide, tall, deep), tower))
            words.append((x + reach / 2, y - tall / 2 - 0.2, _output(shape, count)))
            for source, end in enumerate(ends):
                if shape.exchanged or shape.last or source == tower:
                    joins.append((end, (x, y + rise), source != tower and not shape.last))
        ends = [(x + reach, y + rise) for y in places]
        x += reach + GAP
    data = {"size": (x, high), "boxes": boxes, "joins": joins, "words": words}
    rows = [[s.name, _kernel(s), _output(s), s.exchanged or (s.last and meet)] for s in shapes]
    return worded("architecture", [rows], {"model": model}, [Panel("boxes", "", data)])


def _extents(shapes: list[LayerShape], side: int, towers: int) -> list[tuple[float, float, float]]:
    """Width, height and depth of one tower's share of each layer."""
    most, found = {False: 1, True: 1}, []  # maps of a layer, and units
    for shape in shapes:
        is_fc = shape.spec.kind is Kind.fc
        most[is_fc] = max(most[is_fc], shape.out_channels)
    for shape in shapes:
        is_fc, tall = shape.spec.kind is Kind.fc, max(LEAST, shape.out_size / side)
        share = shape.out_channels / (1 if shape.last else towers)
        size = max(LEAST, 1.2 * share / most[is_fc])
        found.append((0.1, size, 0.0) if is_fc else (size, tall, tall))
    return found


def _output(shape: LayerShape, towers: int = 1) -> str:
    maps, side = shape.out_channels // towers, shape.out_size
    return str(maps) if shape.spec.kind is Kind.fc else f"{side} x {side} x {maps}"


def _kernel(shape: LayerShape) -> str:
    spec = shape.spec
    stride = f", step {spec.stride}" if spec.stride > 1 else ""
    unshared = ", unshared" if spec.kind is Kind.local else ""
    return "dense" if spec.kind is Kind.fc else f"{spec.kernel} x {spec.kernel}{stride}{unshared}"
