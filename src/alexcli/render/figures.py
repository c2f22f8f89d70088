"""What a command found: as text, as files of numbers, as a figure drawn without a screen, and as
one HTML file.
"""

import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alexcli.errors import written
from alexcli.render.pictures import bars, draw_guesses, short
from alexcli.render.tables import Format, numeric, render, text
from alexcli.results import Analysis, Panel

DPI = 130
WIDE, HIGH = 6.2, 4.2  # inches of a panel
ACROSS = 14  # inches that panels may fill beside each other
LABEL = 0.27  # inches above a tile for its words
COLOURS = ("#dbe7f5", "#fbe3cf", "#dff0dc", "#ece2f2")  # of towers
TEMPLATE = Path(__file__).with_name("report.html")
SLOPE = 0.35  # of an edge that runs away from the reader, see analysis/architecture.py


def as_text(found: Analysis, format: Format) -> str:  # noqa: A002
    """For stdout; csv has the tables that share the first one's columns."""
    if format is Format.json:
        return json.dumps(_data(found), indent=1) + "\n"
    guesses = [bars(panel.data) for panel in found.panels if panel.kind == "guesses"]
    if guesses and format is Format.table:
        return "".join(guesses)
    shown = [table for table in found.tables if not table.aside]
    if format is Format.csv:
        shown = [table for table in shown if table.columns == shown[0].columns]
    return "\n".join(render(table, format) for table in shown)


def _data(found: Analysis) -> Any:
    """The promised form, or every table by its rows and every curve by its points."""
    if found.data is not None:
        return found.data
    curves = {
        name: {key: np.asarray(values).tolist() for key, values in line.items()}
        for panel in found.panels
        if panel.kind == "lines"
        for name, line in panel.data.items()
    }
    tables = [table.records() for table in found.tables]
    return {"title": found.title, "caption": found.caption, "tables": tables, "curves": curves}


def files_of(found: Analysis, folder: Path, name: str) -> list[Path]:
    """NAME.json, a NAME.csv for each table, and NAME.png (and svg of a diagram)."""
    endings = [".json", ".csv", *(f"-{n}.csv" for n in range(2, len(found.tables) + 1))]
    endings += [".png"] * bool(found.panels)
    endings += [".svg"] * any(panel.kind == "boxes" for panel in found.panels)
    return [folder / f"{name}{ending}" for ending in endings]


def write(found: Analysis, paths: Sequence[Path]) -> None:
    """Files by their endings: json the data, csv a table each, npz arrays, others the figure."""
    tables, pictures = iter(found.tables), []
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        match path.suffix if found.tables else "":  # a sheet of pictures has no numbers
            case ".json":
                path.write_text(json.dumps(_data(found), indent=1) + "\n", encoding="utf-8")
            case ".csv":
                path.write_text(render(next(tables), Format.csv), encoding="utf-8")
            case ".npz":
                np.savez_compressed(path, allow_pickle=False, **found.arrays)
            case _:
                pictures.append(path)
    figure: Any = _figure(found) if pictures else None
    for path in pictures:  # an ending that is none is refused, as matplotlib refuses others
        figure.savefig(path, format=path.suffix[1:] or "without an ending")


def write_report(sections: Mapping[str, Analysis], path: Path) -> list[Path]:
    """One HTML file of tables and curves, and each figure as PNG and SVG.

    Nothing in it is fetched from elsewhere.

    Args:
        sections: what is told, by a name that the figures' files have.
        path: of the HTML file.

    Returns:
        All files.

    Raises:
        UsageError: they cannot be written.
    """
    from jinja2 import Environment

    files, drawn = [path], {}
    with written(f"--out {path}", hint="choose another place"):
        for name, found in sections.items():
            pictures = [path.with_name(f"{path.stem}-{name}.{kind}") for kind in ("png", "svg")]
            write(found, pictures)
            svg = pictures[1].read_text(encoding="utf-8")
            drawn[name] = svg[svg.index("<svg") :]  # without what only a file of its own has
            files += pictures
        template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
        page = template.render(sections=sections, drawn=drawn, text=text, numeric=numeric)
        path.write_text(page, encoding="utf-8")
    return files


def _figure(found: Analysis) -> Any:
    """All panels, two beside each other where they are not too wide."""
    from matplotlib.figure import Figure

    if found.panels[0].kind == "guesses":
        return draw_guesses(found.panels[0].data, f"{found.title}\n{found.caption}".strip())
    sizes = [_size(panel) for panel in found.panels]
    columns = max(1, min(len(sizes), int(ACROSS / max(wide for wide, _ in sizes))))
    rows = [sizes[i : i + columns] for i in range(0, len(sizes), columns)]
    heights = [max(high for _, high in row) for row in rows]
    wide = max(7.0, max(sum(wide for wide, _ in row) for row in rows))
    caption = textwrap.fill(found.caption, int(wide * 14))
    high = sum(heights) + 0.9 + 0.17 * caption.count("\n")
    figure = Figure(figsize=(wide, high), dpi=DPI, layout="constrained")
    axes = list(figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights).flat)
    for axis in axes[len(sizes) :]:
        axis.set_axis_off()
    for panel, axis in zip(found.panels, axes, strict=False):
        _DRAWN[panel.kind](panel, axis)
        axis.set_title(panel.title, fontsize=10)
        axis.set(xlabel=panel.x, ylabel=panel.y)
    figure.suptitle(found.title, fontsize=12)
    figure.supxlabel(caption, fontsize=8, color="0.3")
    return figure


def _size(panel: Panel) -> tuple[float, float]:
    """Inches across and upwards."""
    if panel.kind == "boxes":
        wide, high = panel.data["size"]
        return 1.15 * wide, 1.15 * high
    if panel.kind == "matrix":
        side = 3 + 0.32 * len(panel.columns)
        return side + 1, side - 0.7
    if panel.kind != "tiles":
        return WIDE, HIGH
    rows, columns = panel.data.shape[:2]
    tile = _tile(panel)
    return columns * tile + 0.6, rows * (tile + LABEL * bool(panel.columns)) + 0.5


def _tile(panel: Panel) -> float:
    """Inches of a tile's side."""
    return panel.inches or max(0.45, min(0.9, 9 / panel.data.shape[1]))


def _lines(panel: Panel, axis: Any) -> None:
    for name, line in panel.data.items():
        (drawn,) = axis.plot(line["x"], line["y"], marker="o", markersize=3, label=name)
        if "low" in line:
            band = (line["x"], line["low"], line["high"])
            axis.fill_between(*band, color=drawn.get_color(), alpha=0.2)
    if panel.level is not None:
        axis.axhline(panel.level[0], color="0.4", linestyle="--", label=panel.level[1])
    if "x" in panel.log:
        axis.set_xscale("log", base=2)
    axis.set_yscale("log" if "y" in panel.log else "linear")
    axis.grid(visible=True, alpha=0.3)
    axis.legend(fontsize="small")


def _tiles(panel: Panel, axis: Any) -> None:
    """One picture of all tiles, with a gap between them."""
    rows, columns, high, wide, _ = panel.data.shape
    gap = max(1, wide // 16)
    above = round(LABEL / _tile(panel) * high) if panel.columns else 0
    paper = 255 if panel.columns else 225  # white tiles are to be seen too
    sheet = np.pad(
        panel.data, ((0, 0), (0, 0), (above, gap), (0, gap), (0, 0)), constant_values=paper
    )
    whole = sheet.transpose(0, 2, 1, 3, 4).reshape(rows * sheet.shape[2], -1, 3)
    if not panel.columns:  # the outermost ones too
        whole = np.pad(whole, ((gap, 0), (gap, 0), (0, 0)), constant_values=paper)
    axis.imshow(whole)
    for place, words in enumerate(panel.columns):
        r, c = divmod(place, columns)
        x, y = c * (wide + gap) + wide / 2, r * sheet.shape[2] + above - gap
        axis.text(x, y, words, ha="center", va="bottom", fontsize=8 if panel.inches else 6)
    axis.set_axis_off()


def _matrix(panel: Panel, axis: Any) -> None:
    """Shade the share of a row's pictures; numbers where there is room."""
    share = panel.data / panel.data.sum(axis=1, keepdims=True).clip(min=1)
    shown = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names, places = [short(name, 20) for name in panel.columns], range(len(panel.columns))
    axis.set_xticks(places, names, rotation=90)
    axis.set_yticks(places, names)
    for row, column in zip(*panel.data.nonzero(), strict=True) if len(names) <= 20 else ():
        colour = "white" if share[row, column] > 0.5 else "black"
        number = str(panel.data[row, column])
        axis.text(column, row, number, ha="center", va="center", color=colour, size=8)
    axis.figure.colorbar(shown, ax=axis, label="share of the label's pictures", shrink=0.8)


def _boxes(panel: Panel, axis: Any) -> None:
    """Cuboids, and what joins them; see analysis/architecture.py."""
    for x, middle, (wide, high, deep), tower in panel.data["boxes"]:
        y, to_x, to_y, deep = middle - high / 2, x + wide, middle + high / 2, SLOPE * deep
        faces = [[(x, y), (to_x, y), (to_x, to_y), (x, to_y)]]
        if deep:
            far = [(to_x + deep, to_y + deep)]
            faces.append([(x, to_y), (to_x, to_y), *far, (x + deep, to_y + deep)])
            faces.append([(to_x, y), (to_x + deep, y + deep), *far, (to_x, to_y)])
        for face in faces:
            colour = COLOURS[tower % len(COLOURS)]
            axis.fill(*zip(*face, strict=True), facecolor=colour, edgecolor="0.25", linewidth=0.7)
    for start, end, crosses in panel.data["joins"]:
        arrow = {"arrowstyle": "-|>", "color": "#c0392b" if crosses else "0.35", "lw": 0.9}
        axis.annotate("", end, start, arrowprops=arrow)
    for x, y, words in panel.data["words"]:
        axis.text(x, y, words, ha="center", va="center", fontsize=7)
    axis.set_aspect("equal")
    axis.set_axis_off()
    axis.set(xlim=(0, panel.data["size"][0]), ylim=(0, panel.data["size"][1]))


_DRAWN = {"lines": _lines, "tiles": _tiles, "matrix": _matrix, "boxes": _boxes}
