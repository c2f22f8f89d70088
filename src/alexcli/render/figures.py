"""What an analysis found: as text, as files of numbers, and as a figure drawn without a screen."""

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from alexcli.errors import UsageError
from alexcli.render.predictions import bars, draw
from alexcli.render.tables import Format, render
from alexcli.results import Analysis, Panel

DPI = 130
WIDE, HIGH = 6.2, 4.2  # inches of a panel
ACROSS = 14  # inches that panels may fill beside each other
COLOURS = ("#dbe7f5", "#fbe3cf", "#dff0dc", "#ece2f2")  # of towers
SLOPE = 0.35  # of an edge that runs away from the reader, see analysis/architecture.py


def as_text(found: Analysis, format: Format) -> str:  # noqa: A002
    """For stdout; csv has the tables that share the first one's columns."""
    if format is Format.json:
        return json.dumps(_data(found), indent=1) + "\n"
    guesses = [bars(panel.data) for panel in found.panels if panel.kind == "guesses"]
    if guesses and format is Format.table:
        return "".join(guesses)
    first = found.tables[0].columns
    shown = [t for t in found.tables if format is not Format.csv or t.columns == first]
    return "\n".join(render(table, format, None) for table in shown)


def _data(found: Analysis) -> Any:
    """The promised form, or every table by its rows and every curve by its points."""
    if found.data is not None:
        return found.data
    tables = [
        [dict(zip(t.columns, r, strict=True)) for r in (*t.rows, *([t.total] if t.total else []))]
        for t in (*found.tables, *found.more)
    ]
    curves = {
        name: {key: np.asarray(values).tolist() for key, values in line.items()}
        for panel in found.panels
        if panel.kind == "lines"
        for name, line in panel.data.items()
    }
    return {"title": found.title, "caption": found.caption, "tables": tables, "curves": curves}


def write(found: Analysis, name: str, out: Path) -> list[Path]:
    """NAME.json, a NAME.csv for each table, and NAME.png (and svg of a diagram) in a folder.

    Raises:
        UsageError: they cannot be written.
    """
    paths = [out / f"{name}.json"]
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(json.dumps(_data(found), indent=1) + "\n", encoding="utf-8")
        for number, table in enumerate([*found.tables, *found.more], start=1):
            paths.append(out / (f"{name}.csv" if number == 1 else f"{name}-{number}.csv"))
            paths[-1].write_text(render(table, Format.csv, None), encoding="utf-8")
        for panel in found.panels[:1]:
            endings = ("png", "svg") if panel.kind == "boxes" else ("png",)
            pictures = [out / f"{name}.{ending}" for ending in endings]
            if panel.kind == "guesses":
                draw(panel.data, f"{found.title}\n{found.caption}", pictures[0])
            else:
                draw_figure(found, pictures)
            paths += pictures
    except OSError as error:
        raise UsageError(
            f"--out {out} cannot be written: {error.strerror}", hint="choose another folder"
        ) from error
    return paths


def draw_figure(found: Analysis, paths: list[Path]) -> None:
    """All panels, two beside each other where they are not too wide."""
    from matplotlib.figure import Figure

    sizes = [_size(panel) for panel in found.panels]
    columns = max(1, min(len(sizes), int(ACROSS / max(wide for wide, _ in sizes))))
    rows = [sizes[i : i + columns] for i in range(0, len(sizes), columns)]
    heights = [max(high for _, high in row) for row in rows]
    wide = max(7.0, max(sum(wide for wide, _ in row) for row in rows))
    caption = textwrap.fill(found.caption, int(wide * 14))
    high = sum(heights) + 0.9 + 0.17 * caption.count("\n")
    figure = Figure(figsize=(wide, high), layout="constrained")
    axes = list(figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights).flat)
    for axis in axes[len(sizes) :]:
        axis.set_axis_off()
    for panel, axis in zip(found.panels, axes, strict=False):
        _DRAWN[panel.kind](panel, axis)
        axis.set_title(panel.title, fontsize=10)
        axis.set(xlabel=panel.x, ylabel=panel.y)
    figure.suptitle(found.title, fontsize=12)
    figure.supxlabel(caption, fontsize=8, color="0.3")
    for path in paths:
        figure.savefig(path, dpi=DPI)


def _size(panel: Panel) -> tuple[float, float]:
    """Inches across and upwards."""
    if panel.kind == "boxes":
        wide, high = panel.data["size"]
        return 1.15 * wide, 1.15 * high
    if panel.kind != "tiles":
        return WIDE, HIGH
    rows, columns = panel.data.shape[:2]
    tile = max(0.45, min(0.9, 9 / columns))
    return columns * tile + 0.6, rows * (tile + 0.16 * bool(panel.columns)) + 0.5


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
    gap, above = max(1, wide // 16), round(0.3 * high) if panel.columns else 0
    paper = 255 if panel.columns else 225  # white tiles are to be seen too
    sheet = np.pad(
        panel.data, ((0, 0), (0, 0), (above, gap), (0, gap), (0, 0)), constant_values=paper
    )
    axis.imshow(sheet.transpose(0, 2, 1, 3, 4).reshape(rows * sheet.shape[2], -1, 3))
    for place, text in enumerate(panel.columns):
        r, c = divmod(place, columns)
        x, y = c * (wide + gap) + wide / 2, r * sheet.shape[2] + above - gap
        axis.text(x, y, text, ha="center", va="bottom", fontsize=6)
    axis.set_axis_off()


def _boxes(panel: Panel, axis: Any) -> None:
    """Cuboids, and what joins them; see analysis/architecture.py."""
    for box in panel.data["boxes"]:
        x, y, deep = box["x"], box["y"], SLOPE * box["deep"]
        to_x, to_y = x + box["wide"], y + box["high"]
        faces = [[(x, y), (to_x, y), (to_x, to_y), (x, to_y)]]
        if deep:
            far = [(to_x + deep, to_y + deep)]
            faces.append([(x, to_y), (to_x, to_y), *far, (x + deep, to_y + deep)])
            faces.append([(to_x, y), (to_x + deep, y + deep), *far, (to_x, to_y)])
        for face in faces:
            colour = COLOURS[box["tower"] % len(COLOURS)]
            axis.fill(*zip(*face, strict=True), facecolor=colour, edgecolor="0.25", linewidth=0.7)
    for start, end, crosses in panel.data["joins"]:
        arrow = {"arrowstyle": "-|>", "color": "#c0392b" if crosses else "0.35", "lw": 0.9}
        axis.annotate("", end, start, arrowprops=arrow)
    for x, y, text in panel.data["words"]:
        axis.text(x, y, text, ha="center", va="center", fontsize=7)
    axis.set_aspect("equal")
    axis.set_axis_off()
    axis.set(xlim=(0, panel.data["size"][0]), ylim=(0, panel.data["size"][1]))


_DRAWN = {"lines": _lines, "tiles": _tiles, "boxes": _boxes}
