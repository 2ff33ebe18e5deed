"""A caption and questions with answers for a drawn scene, in plain English."""

import collections

import numpy as np

from kzoo.data.drawing import SHAPES

NUMBERS = "no one two three four five six seven eight".split()


def caption(scene):
    """One sentence: "Two circles and a star on a green ground."."""
    counts = collections.Counter(SHAPES[label] for label in scene["labels"])
    parts = [
        f"a {shape}" if count == 1 else f"{NUMBERS[count]} {shape}s"
        for shape, count in counts.items()
    ]
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
    listed = listed or "nothing"
    return f"{listed[0].upper()}{listed[1:]} on a {scene['ground']} ground."


def questions(scene, rng):
    """A list of {"question", "answer"}; which shape is asked about comes from `rng`."""
    labels, boxes = scene["labels"], scene["boxes"]
    asked = int(rng.integers(len(SHAPES)))
    count = int(np.sum(labels == asked))
    pairs = [
        ("How many shapes are there?", NUMBERS[len(labels)]),
        (f"How many {SHAPES[asked]}s are there?", NUMBERS[count]),
        (f"Is there a {SHAPES[asked]}?", "yes" if count else "no"),
        ("What colour is the ground?", scene["ground"]),
    ]
    if len(labels):
        largest = int(np.argmax((boxes[:, 2:] - boxes[:, :2]).prod(-1)))
        leftmost = int(np.argmin(boxes[:, 0] + boxes[:, 2]))
        pairs += [
            ("What is the largest shape?", SHAPES[labels[largest]]),
            ("What colour is the largest shape?", scene["colours"][largest]),
            ("What texture has the largest shape?", scene["textures"][largest]),
            ("Which shape is furthest left?", SHAPES[labels[leftmost]]),
        ]
    return [{"question": q, "answer": a} for q, a in pairs]
