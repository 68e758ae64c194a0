"""The curves of a run, drawn: the only importer of matplotlib, and only in the process that trained."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.rcParams["svg.hashsalt"] = "tacit"  # ids in the SVG do not change from run to run
_INK, _LINE, _OTHER = "#1f2937", "#2563eb", "#b45309"


def draw(curves: dict[str, Any]) -> dict[str, bytes]:
    """``curves.json`` as ``curves.png`` and ``curves.svg``."""
    points = curves["training"]
    validated = bool(points) and "validation_accuracy" in points[0]
    figure = Figure(figsize=(9, 3.6))  # places by hand: finding them would draw everything twice over
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.14, top=0.9, wspace=0.22)
    epochs, epsilons = zip(*([0.0, 0.0], *curves["epsilon_by_epoch"]), strict=True)
    left.plot(epochs, epsilons, color=_LINE, marker="o", markersize=3)
    left.set(title=f"Privacy spent, at δ = {curves['delta']:g}", xlabel="epochs", ylabel="ε")
    measure = "validation_accuracy" if validated else "update_norm"
    shown = [p for p in points if measure in p]
    right.plot([p["epoch"] for p in shown], [p[measure] for p in shown], color=_OTHER, marker=".", markersize=4)
    title = "On public validation rows" if validated else "Length of the steps' updates (noise included)"
    right.set(title=title, xlabel="epochs", ylabel="accuracy" if validated else "L2 norm a step")
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_size(10)
        axes.title.set_color(_INK)
    return {f"curves.{kind}": _file(figure, kind) for kind in ("png", "svg")}


def _file(figure: Figure, kind: str) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()
