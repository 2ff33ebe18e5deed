import pytest

import kzoo.data


@pytest.mark.parametrize(
    "source, settings, sentence",
    [
        (
            "senes",
            {},
            "no data source 'senes'; it can be scenes, tfds:NAME, voc:FOLDER",
        ),
        ("voc:", {}, "no data source 'voc:'"),
        ("tfds:", {}, "no data source 'tfds:'"),
        ("voc:/no/such", {}, "voc:/no/such: there is no folder '/no/such'"),
        ("scenes", {"task": "poses"}, "data can be for detection or classification"),
        ("folder:.", {}, "folder:. is data for classification, not for detection"),
        ("digits", {}, "digits is data for classification, not for detection"),
        ("scenes", {"bad_data": "no"}, "it can be 'error' or 'skip'"),
    ],
)
def test_a_wrong_word_names_the_choices(source, settings, sentence):
    with pytest.raises(ValueError) as error:
        kzoo.data.open(source, "train", **settings)
    assert sentence in str(error.value)


def test_train_and_validation_cut_from_train_share_nothing(yolo):
    folder = yolo({"train": {f"{i:02}": "" for i in range(20)}})
    train = kzoo.data.open(f"yolo:{folder}", "train[:90%]")
    rest = kzoo.data.open(f"yolo:{folder}", "train[90%:]")
    assert (len(train), len(rest)) == (18, 2)
    assert not set(train.ids) & set(rest.ids)


def test_some_examples_of_a_folder(yolo):
    folder = yolo({"train": {f"{i:02}": "" for i in range(20)}})
    few = [
        kzoo.data.open(f"yolo:{folder}", "train", examples=5, seed=s) for s in (0, 0, 1)
    ]
    assert len(few[0]) == 5
    assert few[0].ids == few[1].ids != few[2].ids
    with pytest.raises(ValueError, match="examples is 21; .* can give 1 to 20"):
        kzoo.data.open(f"yolo:{folder}", "train", examples=21)
