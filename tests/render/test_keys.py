from alexcli.config.keys import below, keys, named
from alexcli.config.set_in import SetValue
from alexcli.render.keys import command_table, key_record, key_table, keys_table, sections_table


def test_a_key_is_explained_a_line_each() -> None:
    name, key = named("model.layers.conv1.reads")
    set_values = [SetValue("model=a", "all_towers"), SetValue("model=b", "all_towers")]
    table = key_table(name, key, set_values, ["towers"])
    lines = dict(table.rows)
    assert table.title == "model.layers.conv1.reads"
    assert lines["takes"] == "own_tower, all_towers"
    assert lines["paper"] == "section 3.5"
    assert lines["set"] == "all_towers in model=a, model=b"
    assert lines["studies"] == "towers"
    assert lines["typed"] == "alexcli train model.layers.conv1.reads=all_towers"


def test_what_is_not_known_of_a_key_has_no_line() -> None:
    lines = dict(key_table("data.seed", keys()["data.seed"], [], []).rows)
    assert lines.keys() == {"meaning", "takes", "default", "typed"}


def test_programs_get_every_field() -> None:
    record = key_record("optim.lr", keys()["optim.lr"], [SetValue("optim=cifar", 0.001)], [])
    assert record["default"] == "0.01"
    assert record["choices"] == []
    assert record["set"] == [{"choice": "optim=cifar", "value": 0.001}]


def test_sections_and_their_keys_have_a_line_each() -> None:
    top = sections_table([key for name, key in keys().items() if "." not in name])
    assert ["model", "The net.", "model.KEY"] in top.rows
    table = keys_table("model.lrn", below("model.lrn"))
    assert table.columns == ["key", "meaning", "takes", "default"]
    assert table.rows[2] == ["model.lrn.beta", "Exponent.", "a number above 0", "0.75"]
    assert "data prepare" in command_table("prepare", below("", "prepare")).title
