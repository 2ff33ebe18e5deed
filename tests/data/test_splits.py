import pytest

from kzoo.data import splits


@pytest.mark.parametrize(
    "text, parts",
    [
        ("train", ("train", None, None)),
        ("train[:90%]", ("train", None, "90%")),
        ("train[90%:]", ("train", "90%", None)),
        ("my-set[5:-2]", ("my-set", "5", "-2")),
    ],
)
def test_parts_are_read_as_tfds_writes_them(text, parts):
    assert splits.parse(text) == parts


@pytest.mark.parametrize("text", ["train[", "train[5]", "", "train[a:b]"])
def test_what_cannot_be_read_gets_examples(text):
    with pytest.raises(ValueError, match=r"it can be like 'train', 'train\[:90%\]'"):
        splits.parse(text)


@pytest.mark.parametrize(
    "wanted, there, found",
    [
        ("validation", {"train", "val"}, "val"),
        ("validation", {"train2017", "val2017"}, "val2017"),
        ("val", {"train", "valid"}, "valid"),
        ("train", {"Train", "Test"}, "Train"),
        ("val", {"val", "validation"}, "val"),
    ],
)
def test_one_word_finds_the_split_of_every_format(wanted, there, found):
    assert splits.find(wanted, there, "voc:x") == found


def test_a_missing_split_names_those_there_are_and_how_to_cut_one():
    with pytest.raises(ValueError) as error:
        splits.find("validation", {"train2012", "test"}, "voc:x")
    assert str(error.value) == (
        "voc:x has no split 'validation'; it has test, train2012. One can be cut from "
        "'train2012': 'train2012[:90%]' to train with, 'train2012[90%:]' for the rest"
    )


def test_complementary_parts_share_nothing_and_miss_nothing():
    records = list(range(101))
    train, rest = (
        splits.cut(records, *ends) for ends in [(None, "90%"), ("90%", None)]
    )
    assert sorted(train + rest) == records
    assert len(rest) == 10
    # Not the tail of the list: a list in the order of classes must be mixed.
    assert rest != records[-10:]


def test_some_examples_are_drawn_by_seed_in_their_old_order():
    first, second = (splits.choose(list(range(100)), 9, seed, "x") for seed in (0, 1))
    assert first == sorted(set(first)) and len(first) == 9
    assert first != second
    with pytest.raises(ValueError, match="examples is 101; x can give 1 to 100"):
        splits.choose(list(range(100)), 101, 0, "x")
