"""What anybody may hand in: words, plain data, and documents and files that were changed."""

import copy
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from alexcli.config.files import every_choice
from alexcli.config.keys import keys

HOSTILE_TEXTS = (
    *("", " ", "\0", "\n", "~", "null", "true", "nan", "1e999", "0x10", "1_000", "1:30", "???"),
    *("../../etc/passwd", "/etc/passwd", "/dev/zero", "file:///etc/passwd", "memory://x", "~root"),
    *("\x1b]0;x\x07", "\x9b31m", "\u202etxt", "\u2028", "\ud800", "\U0001f600", "\ufeff"),
    *("[/red]", "[link=x]", "=1+1", "{x}", "{0.__class__}", "%s", "${oc.env:HOME}", "${", "$(ls)"),
    *("!!python/object/apply:os.system [ls]", "&a [*a]", "<<", "2026-02-31", "a" * 2000, "[" * 99),
)
"""Texts that mean something to a file system, a terminal, a template or a parser."""
HOSTILE_NUMBERS = (
    *(-1, 0, 1, 2, 255, 256, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(10**30), 10**30),
    *(-0.0, 0.5, 1e-320, 1e308, -1e308, math.inf, -math.inf, math.nan),
)

texts = st.sampled_from(HOSTILE_TEXTS) | st.text(max_size=20)
numbers = st.sampled_from(HOSTILE_NUMBERS) | st.integers(-9, 9) | st.floats()
scalars = st.none() | st.booleans() | numbers | texts


def nested(leaves: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Leaves, and lists and mappings of them."""
    return st.recursive(
        leaves,
        lambda items: st.lists(items, max_size=3) | st.dictionaries(texts, items, max_size=3),
        max_leaves=5,
    )


plain_data = nested(scalars)


@st.composite
def changed(draw: DrawFn, document: Any) -> Any:
    """A document of plain data in which one or two values are others, or missing, or renamed."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(document))
        if not places or draw(st.integers(0, 29)) == 0:
            return draw(plain_data)
        owner, key = draw(st.sampled_from(places))
        change = draw(st.sampled_from(("replace", "replace", "remove", "rename", "repeat")))
        if change == "replace":
            owner[key] = draw(plain_data)
        elif change == "remove":
            del owner[key]
        elif isinstance(owner, list):
            owner.append(copy.deepcopy(owner[key]))
        elif change == "rename":
            owner[draw(texts)] = owner.pop(key)
        else:
            owner[draw(texts)] = copy.deepcopy(owner[key])
    return document


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every list and mapping within a document, with each of its keys."""
    keys_of = {dict: list, list: lambda items: range(len(items))}
    if type(document) not in keys_of:
        return
    for key in keys_of[type(document)](document):
        yield document, key
        yield from _places(document[key])


@st.composite
def damaged(draw: DrawFn, content: bytes) -> bytes:
    """Bytes of which some are others, missing, or more."""
    damage = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(damage) - 1)))
        length = draw(st.sampled_from((1, 1, 1, 4, 100, 10_000)))
        kind = draw(st.sampled_from(("flip", "flip", "set", "zero", "cut", "end", "insert")))
        if kind == "flip":
            damage[start : start + 1] = bytes(
                byte ^ 1 << draw(st.integers(0, 7)) for byte in damage[start : start + 1]
            )
        elif kind == "set":
            damage[start : start + 8] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "zero":
            damage[start : start + length] = bytes(len(damage[start : start + length]))
        elif kind == "cut":
            del damage[start : start + length]
        elif kind == "end":
            del damage[start:]
        else:
            damage[start:start] = draw(st.binary(max_size=20)) or damage[start : start + length]
    return bytes(damage)


# Hydra's grammar: https://hydra.cc/docs/1.3/advanced/override_grammar/basic/
override_keys = st.sampled_from(sorted(keys())) | st.sampled_from(
    ("model", "experiment", "data", "logger", "augment", "model.layers.conv1", "optim.groups.w")
)
strange_keys = override_keys.flatmap(
    lambda key: st.sampled_from(
        (f"+{key}", f"++{key}", f"~{key}", f"{key}@x", f"{key}.x", key[:-1], key.split(".")[-1])
    )
)
quoted = texts.map(lambda text: f"'{text}'") | texts.map(lambda text: f'"{text}"')
atoms = st.one_of(
    numbers.map(str),
    st.just("9" * 5000),
    st.sampled_from(("true", "null", "folder", "test", "cosine", "adam", "imagenette")),
    texts,
    quoted,
    st.text("0123456789abc,:=[]{}()'\"\\$*.-+~@ ", max_size=30),
)
values = st.recursive(
    atoms,
    lambda items: st.one_of(
        st.lists(items, max_size=3).map(lambda inner: f"[{','.join(inner)}]"),
        st.lists(st.tuples(atoms, items), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
        ),
        st.lists(items, min_size=2, max_size=3).map(",".join),
        st.tuples(
            st.sampled_from(
                ("choice", "range", "interval", "glob", "sort", "shuffle", "tag", "int", "str")
            ),
            st.lists(items, max_size=3),
        ).map(lambda call: f"{call[0]}({','.join(call[1])})"),
    ),
    max_leaves=5,
)
overrides = st.one_of(
    st.tuples(override_keys, values).map("=".join),
    st.tuples(override_keys, values).map("=".join),
    st.tuples(strange_keys, values).map("=".join),
    st.sampled_from(every_choice()),
    strange_keys,
    st.text(max_size=40),
)
"""A word of a command line."""

small = st.integers(1, 4)
layers = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(("conv", "conv", "local", "fc")),
        "filters": st.sampled_from((None, 2, 4, 8)) | small,
        "kernel": small,
        "stride": st.integers(1, 2),
        "pad": st.integers(0, 2),
        "reads": st.sampled_from(("own_tower", "all_towers")),
        "groups": st.integers(1, 2),
        "ops": st.lists(
            st.sampled_from(("act", "norm", "spatial_norm", "pool", "dropout")), max_size=4
        ),
        "pool": st.none()
        | st.fixed_dictionaries({"kind": st.sampled_from(("max", "avg")), "size": small}),
        "std": st.floats(0, 1),
        "bias": st.floats(-1, 1),
    },
)
LAST = {"kind": "fc", "reads": "all_towers"}
nets = st.fixed_dictionaries(
    {
        "name": st.just("mine"),
        "classes": st.integers(2, 5),
        "towers": st.integers(1, 2),
        "input": st.fixed_dictionaries(
            {"size": st.integers(4, 16), "channels": st.sampled_from((1, 3))}
        ),
        "layers": st.dictionaries(
            st.sampled_from(("conv1", "conv2", "conv3", "fc4", "fc5")), layers, max_size=4
        ).map(lambda named: {**named, "fc9": LAST}),
    },
    optional={
        "width": st.sampled_from((0.5, 1.0, 2.0)),
        "rounding": st.sampled_from(("floor", "ceil", "pool_up")),
        "activation": st.sampled_from(("relu", "tanh", "prelu", "rrelu", "identity")),
        "norm": st.sampled_from(("lrn", "spatial_lrn", "batch", "none")),
        "lrn": st.fixed_dictionaries({"size": small, "beta": st.floats(0.1, 2)}),
        "dropout": st.fixed_dictionaries({"rate": st.floats(0, 0.9)}),
        "init": st.sampled_from(("gaussian", "he", "torch")),
        "joined": st.sampled_from(("auto", "separate")),
        "tail": st.sampled_from(("auto", "separate")),
    },
)
"""The content of a yaml file of conf/model; many are nets, and none is large."""

label_cells = st.one_of(
    st.sampled_from(("ant", "bee", "cow", "0", "1", "2", "3", "a.jpg", "b c.png", "label", "id")),
    texts,
    st.integers().map(str),
)
label_lists = st.tuples(
    st.lists(st.lists(label_cells, min_size=1, max_size=3), max_size=6),
    st.sampled_from((" ", ",", "\t", ";", ", ")),
    st.sampled_from(("\n", "\r\n", "\r", "\n\n")),
).map(lambda parts: parts[2].join(parts[1].join(cells) for cells in parts[0]))
"""The text of a list of labels."""
