from alexcli.records.prediction import ClassProbability


def test_json_has_the_class_its_name_and_its_probability() -> None:
    prediction = ClassProbability("n01440764", "tench", 0.75)
    assert prediction.as_json() == {"class": "n01440764", "name": "tench", "p": 0.75}
