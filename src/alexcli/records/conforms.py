"""Checking that a record read from a file has the types of its fields."""

import types
from dataclasses import is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints


def conforms(value: Any, annotation: Any) -> bool:
    """Whether a value has the type that an annotation of a record describes.

    Args:
        value: plain data or a dataclass, which is checked with all that it contains.
        annotation: a plain type, a dataclass, or lists, mappings and unions of them; an integer
            conforms to float, and anything to Any.
    """
    if annotation is Any:
        return True
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return any(conforms(value, part) for part in get_args(annotation))
    if origin is list:
        (item_type,) = get_args(annotation)
        return isinstance(value, list) and all(conforms(item, item_type) for item in value)
    if origin is dict:
        key_type, item_type = get_args(annotation)
        return isinstance(value, dict) and all(
            conforms(key, key_type) and conforms(item, item_type) for key, item in value.items()
        )
    if is_dataclass(annotation):
        return type(value) is annotation and all(
            conforms(getattr(value, name), field_type)
            for name, field_type in get_type_hints(annotation).items()
        )
    return type(value) in ((int, float) if annotation is float else (annotation,))
