import math

import pytest

from kzoo.data.checks import BadData, Problems, broken_rule, different, number


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 40, 30),
        (39.5, 29.5, 40, 30),
        (-1, -0.5, 5, 5),  # one pixel outside is a tool's rounding
        (30, 20, 41, 31),
    ],
)
def test_a_box_in_the_picture_is_sound(box):
    assert broken_rule(box, 40, 30) is None


@pytest.mark.parametrize(
    "box, rule",
    [
        ((5, 5, 5, 9), "box (5, 5, 5, 9) has no area"),
        ((9, 5, 5, 9), "box (9, 5, 5, 9) has no area"),
        ((5, 5, 42, 9), "box (5, 5, 42, 9) leaves the picture of 40 x 30 pixels"),
        ((-1.5, 5, 9, 9), "leaves the picture"),
        ((40, 5, 41, 9), "leaves the picture"),  # within tolerance, yet outside
        ((-1, -1, 0, 0), "leaves the picture"),
        ((math.nan, 0, 5, 5), "is not made of finite numbers"),
        ((0, 0, math.inf, 5), "is not made of finite numbers"),
    ],
)
def test_a_broken_rule_is_named_with_the_box(box, rule):
    assert rule in broken_rule(box, 40, 30)


def test_problems_raise_with_file_row_and_rule():
    problems = Problems("error")
    for i in range(7):
        problems.add("a.xml", f"object {i}", "it is bad")
    with pytest.raises(BadData) as error:
        problems.settle()
    lines = str(error.value).splitlines()
    assert lines[0] == "a.xml, object 0: it is bad"
    assert lines[5:] == [
        "... and 2 more.",
        "Mend the files, or leave such rows out with bad_data='skip'.",
    ]


def test_problems_are_listed_when_skipped():
    problems = Problems("skip")
    problems.add("a.jpg", "", "empty")
    assert [tuple(row) for row in problems.settle()] == [("a.jpg", "", "empty")]


def test_an_unknown_choice_names_the_choices():
    with pytest.raises(ValueError, match="'ignore'; it can be 'error' or 'skip'"):
        Problems("ignore")


@pytest.mark.parametrize("text", ["12px", "", None, True, [1]])
def test_what_is_not_a_number_is_shown(text):
    with pytest.raises(ValueError, match="is not a number"):
        number(text)


def test_two_classes_of_one_name_are_an_error():
    """Scores are told by name: one of the two would be lost."""
    assert different(("cat", "dog"), "coco:x") == ["cat", "dog"]
    with pytest.raises(BadData, match="coco:x: classes 0 and 2 are both 'cat'"):
        different(["cat", "dog", "cat"], "coco:x")
