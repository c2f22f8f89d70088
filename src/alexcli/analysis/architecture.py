"""Figure 2 of any net: its layers to scale, its towers, and where they meet.

Lengths are in sides of the net's input image.
"""

from dataclasses import dataclass

from alexcli.model.shapes import LayerShape, trace
from alexcli.records.analysis import Analysis, Arrow, Box, BoxesPanel, Label
from alexcli.schema import AnalyzeSpec, Kind, ModelSpec, Op
from alexcli.tables import Table

KEYS = ("model",)
"""The keys of `AnalyzeSpec` that it reads."""
SLOPE = 0.35
"""Drawn length of an edge of length 1 that points away from the reader."""
GAP = 0.5
"""Between layers, for arrows and labels."""
POOL_GAP = 0.08
"""Between a layer's feature maps and the pooled ones."""
MARGIN = 0.2
"""Left of the image."""
SHEET_WIDTH = 0.05
"""Width of the image, and of pooled feature maps."""
FC_WIDTH = 0.1
"""Width of a fully connected layer's box."""
LONGEST = 1.2
"""The width of the box with the most channels, and the height of the one with the most units."""
THINNEST = 0.03
"""The thinnest box that can be seen."""
TOWER_GAP = 0.55
"""Between two towers, for the arrows that cross."""
LABEL_SPACE = 0.4
"""Above the first tower and below the last one, for the sizes."""
LINE = 0.09
"""Half of the height of a line of text."""
NAME_SPACE = 0.3
"""At the upper edge, for the names of the layers."""
LOWEST = 1.6
"""Least height of the towers, so that the image and its label fit beside them."""


@dataclass
class Extent:
    """Size of one tower's share of a layer."""

    width: float
    height: float
    depth: float


def run(spec: AnalyzeSpec, model_of_run: ModelSpec | None = None) -> Analysis:
    """Lay out a net's layers.

    Args:
        spec: `model`.
        model_of_run: the net of the run that --run names, instead of `model`.

    Raises:
        UsageError: the layers do not fit together.
    """
    model = model_of_run or spec.model
    shapes = trace(model)
    rows = [
        {
            "layer": shape.name,
            "kernel": _kernel(shape),
            "output": _output(shape),
            "reads all towers": shape.reads_other_towers or (shape.last and model.towers > 1),
        }
        for shape in shapes
    ]
    return Analysis(
        title=f"Figure 2: {model.name} (towers: {model.towers})",
        tables=[Table.from_records(model.name, rows)],
        panels=[_diagram(model, shapes)],
        caption="The height and depth of a box are the side of a layer's feature maps, its width "
        "is their number; a fully connected layer is as high as it has units. Red arrows cross "
        "between towers. Sizes are one tower's; hatched: after pooling. Drawn from the "
        f"configuration {model.name}, not from a run.",
    )


def _diagram(model: ModelSpec, shapes: list[LayerShape]) -> BoxesPanel:
    """The image on the left, then a column for each layer with a box for each tower."""
    extents = _extents(shapes, model.input.size, model.towers)
    pitch = TOWER_GAP + max(extent.height + SLOPE * extent.depth for extent in extents)
    towers_height = max(pitch * model.towers - TOWER_GAP, LOWEST)
    height = LABEL_SPACE + towers_height + LABEL_SPACE + NAME_SPACE
    middle = LABEL_SPACE + towers_height / 2
    size = model.input.size
    boxes = [Box(MARGIN, middle, SHEET_WIDTH, height=1.0, depth=1.0, tower=-1)]
    labels = [Label(0.4, middle - 0.75, f"image\n{size} x {size} x {model.input.channels}")]
    arrows: list[Arrow] = []
    outputs = [(MARGIN + SHEET_WIDTH + SLOPE, middle)] * model.towers
    x = outputs[0][0] + GAP
    for shape, extent in zip(shapes, extents, strict=True):
        towers = 1 if shape.last else model.towers
        middles = [middle + pitch * ((towers - 1) / 2 - tower) for tower in range(towers)]
        rise = SLOPE * extent.depth / 2
        pooled = _pooled(shape, size)
        reach = extent.width + SLOPE * extent.depth
        full_reach = reach + (POOL_GAP + SHEET_WIDTH + SLOPE * pooled if pooled else 0)
        labels.append(Label(x + full_reach / 2, height - 2 * LINE, _heading(shape)))
        for tower, y in enumerate(middles):
            boxes.append(Box(x, y, extent.width, extent.height, extent.depth, tower))
            if pooled:
                front = y + rise - SLOPE * pooled / 2
                left = x + reach + POOL_GAP
                boxes.append(Box(left, front, SHEET_WIDTH, pooled, pooled, tower, pooled=True))
            labels.append(_size_label(shape, extent, (x + full_reach / 2, y), tower, towers))
            arrows += _inputs(shape, tower, outputs, (x, y + rise))
        outputs = [(x + full_reach, y + rise) for y in middles]
        x += full_reach + GAP
    return BoxesPanel(x, height, SLOPE, boxes, arrows, labels)


def _pooled(shape: LayerShape, image_size: int) -> float:
    """Side of a layer's feature maps after pooling; 0 without pooling."""
    return max(THINNEST, shape.end_size / image_size) if Op.pool in shape.spec.ops else 0.0


def _heading(shape: LayerShape) -> str:
    """The text at the upper edge: name and kernel."""
    return f"{shape.name}\n{_kernel(shape)}"


def _size_label(
    shape: LayerShape, extent: Extent, place: tuple[float, float], tower: int, towers: int
) -> Label:
    """The label with the sizes, clear of arrows: above the first of several towers, else below.

    Args:
        shape: the layer.
        extent: of its box.
        place: horizontal middle of box and pooled maps, and vertical middle of the box's front.
        tower: whose share it is.
        towers: how many share the layer.
    """
    text = _output(shape, towers)
    if Op.pool in shape.spec.ops:
        text += f"\npooled {shape.end_size} x {shape.end_size}"
    lines = text.count("\n") + 1
    x, y = place
    if tower == 0 and towers > 1:
        return Label(x, y + extent.height / 2 + SLOPE * extent.depth + LINE * (lines + 0.3), text)
    return Label(x, y - extent.height / 2 - LINE * (lines + 0.3), text)


def _inputs(
    shape: LayerShape, tower: int, outputs: list[tuple[float, float]], end: tuple[float, float]
) -> list[Arrow]:
    """The arrows to one tower's share of a layer.

    Args:
        shape: the layer.
        tower: the tower.
        outputs: where the arrows from each tower of the layer before begin.
        end: where they end.
    """
    reads_all = shape.reads_other_towers or shape.last
    return [
        Arrow(start, end, crosses=source != tower and not shape.last)
        for source, start in enumerate(outputs)
        if reads_all or source == tower
    ]


def _extents(shapes: list[LayerShape], image_size: int, towers: int) -> list[Extent]:
    """Sizes of one tower's share of each layer, with one scale for channels and one for units."""
    most_channels = _most_outputs(shapes, fc=False)
    most_units = _most_outputs(shapes, fc=True)
    extents = []
    for shape in shapes:
        outputs = shape.out_channels / (1 if shape.last else towers)
        if shape.spec.kind is Kind.fc:
            height = max(THINNEST, LONGEST * outputs / most_units)
            extents.append(Extent(FC_WIDTH, height, depth=0.0))
        else:
            width = max(THINNEST, LONGEST * outputs / most_channels)
            side = max(THINNEST, shape.out_size / image_size)
            extents.append(Extent(width, height=side, depth=side))
    return extents


def _most_outputs(shapes: list[LayerShape], *, fc: bool) -> int:
    """Units of the largest fully connected layer, or else channels of the largest other one."""
    counts = [shape.out_channels for shape in shapes if (shape.spec.kind is Kind.fc) is fc]
    return max(counts, default=1)


def _output(shape: LayerShape, towers: int = 1) -> str:
    """The size of the product's output, `55 x 55 x 48`, divided among towers."""
    channels = shape.out_channels // towers
    if shape.spec.kind is Kind.fc:
        return str(channels)
    return f"{shape.out_size} x {shape.out_size} x {channels}"


def _kernel(shape: LayerShape) -> str:
    """The kernel, `11 x 11, stride 4`, or `dense`."""
    spec = shape.spec
    if spec.kind is Kind.fc:
        return "dense"
    stride = f", stride {spec.stride}" if spec.stride > 1 else ""
    unshared = ", unshared" if spec.kind is Kind.local else ""
    return f"{spec.kernel} x {spec.kernel}{stride}{unshared}"
