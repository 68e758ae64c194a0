"""Rules on what only training uses: images in columns, and registered models."""

from __future__ import annotations

from collections.abc import Iterator

from tacit_service.policy.model import Policy
from tacit_service.policy.problems import Broken, Path

PIXELS_MAX = 1 << 20
_NEEDS = {"conv": ("size", "kernel"), "linear": ("size",), "group_norm": ("size",), "max_pool": ("size",),
          "average_pool": ("size",)}  # fmt: skip
_TAKES = {"conv": {"size", "kernel", "stride", "padding", "name"}, "linear": {"size", "name"},
          "group_norm": {"size", "name"}, "max_pool": {"size", "stride", "padding"},
          "average_pool": {"size", "stride", "padding"}}  # fmt: skip


def images_have_shapes(policy: Policy) -> Iterator[Broken]:
    """An image says its shape, and nothing that numbers say; it is nobody's id."""
    for table_name, table in policy.tables.items():
        if table.public and all(c.type == "image" for c in table.columns.values()):
            detail = "a public table of images alone shows SQL nothing"
            yield Broken(("tables", table_name, "columns"), detail, "Add the column that says what they show.")
        for name, column in table.columns.items():
            path: Path = ("tables", table_name, "columns", name)
            if column.type != "image":
                if column.shape is not None:
                    yield Broken((*path, "shape"), f"a {column.type} column has no shape", "Remove it.")
                continue
            if column.shape is None:
                yield Broken(
                    path, "an image needs a shape", "Add 'shape: [height, width]', or [channels, height, width]."
                )
            elif column.pixels > PIXELS_MAX:
                yield Broken((*path, "shape"), f"more than {PIXELS_MAX} values", "Make the images smaller.")
            if column.precision is not None:
                yield Broken((*path, "precision"), "an image has no precision: its values are 0 to 255", "Remove it.")
            if name == table.unit:
                yield Broken(path, "an image is no id", "Name the column that says whose row it is.")


def layers_are_whole(policy: Policy) -> Iterator[Broken]:
    """A registered model's layers say what they need and nothing else; their names are their own."""
    for name, model in policy.models.items():
        seen: set[str] = set()
        for i, layer in enumerate(model.layers):
            path: Path = ("models", name, "layers", i)
            for field in _NEEDS.get(layer.type, ()):
                if not getattr(layer, field):
                    yield Broken(path, f"a {layer.type} layer needs '{field}'", f"Add '{field}: 8' or so.")
            for field in layer.model_fields_set - {"type"} - _TAKES.get(layer.type, set()):
                yield Broken((*path, field), f"a {layer.type} layer has no '{field}'", "Remove it.")
            key = layer.name or str(i)
            if key in seen:
                yield Broken((*path, "name"), f"two layers are called '{key}'", "Rename one.")
            seen.add(key)
