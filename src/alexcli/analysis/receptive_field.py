"""Receptive fields: which part of the image a layer's outputs can depend on. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from alexcli.model.shapes import LayerShape
from alexcli.schema import Kind, ModelSpec, Norm, Op


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of a layer's product. Norms across channels do not widen it."""

    size: int
    """Side of the square of pixels that one output depends on, including padding beyond the image's
    edge.
    """
    stride: int
    """Pixels between the receptive fields of neighbouring outputs."""

    def through(self, window: int, stride: int = 1) -> "ReceptiveField":
        """The receptive field of a window that slides over outputs with this field."""
        return ReceptiveField(self.size + (window - 1) * self.stride, self.stride * stride)


PIXEL = ReceptiveField(size=1, stride=1)
"""The receptive field of a pixel."""


def receptive_fields(model: ModelSpec, shapes: Sequence[LayerShape]) -> list[ReceptiveField]:
    """The receptive field of each layer's product, in the order of the layers.

    Args:
        model: the net.
        shapes: its layers, from `trace`.
    """
    fields: list[ReceptiveField] = []
    field = PIXEL
    size = model.input.size
    for shape in shapes:
        spec = shape.spec
        if spec.kind is Kind.fc:  # reads whole feature maps; a vector is a map of side 1
            field = field.through(size)
        else:
            field = field.through(spec.kernel, spec.stride)
        fields.append(field)
        field = _after_ops(model, shape, field)
        size = shape.end_size
    return fields


def _after_ops(model: ModelSpec, shape: LayerShape, field: ReceptiveField) -> ReceptiveField:
    """The receptive field after the ops that follow a layer's product."""
    for op in shape.spec.ops:
        if op is Op.pool:
            pool = shape.spec.pool or model.pool
            field = field.through(pool.size, pool.stride)
        elif _is_spatial_norm(model, op):
            field = field.through(model.spatial_lrn.size)
    return field


def _is_spatial_norm(model: ModelSpec, op: Op) -> bool:
    """Whether an op normalizes by neighbours in the same feature map."""
    if op is Op.spatial_norm:
        return model.spatial_norm_enabled
    return op is Op.norm and model.norm is Norm.spatial_lrn
