"""Checks of data: what the network gets to see, and what it is told about it."""

import keras
import numpy as np

from kzoo.train.diagnosis.check import (
    FAIL,
    PASS,
    WARN,
    Check,
    grade,
    number,
    some,
)

# Of pixels after preprocessing. ImageNet's modes give a deviation near 1 (torch), 0.5
# (tf) or 0.25 (unit) on photographs, Caffe's 60; drawn pictures differ from them.
DEVIATION = (0.05, 4.0)
TINY = 8  # pixels: what is smaller on a side is a pixel or less from stride 8 on
IMBALANCE = 50  # the most frequent class over the least frequent one


def pixels(model, images):
    """Mean and deviation of pictures (B, H, W, 3) behind the model's preprocessing.

    Networks start well from numbers around 0 of about unit size (LeCun et al. 1998,
    "Efficient BackProp", section 4.3). Two faults are common: pixels in 0..255 that
    nobody scales, and pixels in 0..1 that the model scales a second time.
    """
    seen = np.asarray(keras.ops.convert_to_numpy(_preprocessed(model, images)))
    mean, deviation = float(seen.mean()), float(seen.std((0, 1, 2)).mean())
    verdict, advice = PASS, ""
    if not np.isfinite(seen).all() or deviation < DEVIATION[0]:
        verdict = FAIL
        advice = (
            "The pictures are almost one colour: kzoo's models take RGB in 0..255 and "
            "scale it themselves, so do not divide by 255"
        )
    elif abs(mean) > 2 and abs(mean) > deviation:
        verdict = FAIL
        advice = "The pixels are not normalised: begin the model with Preprocess"
    elif deviation > DEVIATION[1]:
        verdict = WARN
        advice = (
            "Caffe's weights want such pixels; a network that learns from scratch "
            "wants them near unit size"
        )
    channels = [seen[..., i] for i in range(seen.shape[-1])]
    values = {
        "mean": number(mean),
        "deviation": number(deviation),
        "channel_means": [number(c.mean()) for c in channels],
        "channel_variances": [number(c.var()) for c in channels],
    }
    return Check(
        "pixels as the network gets them",
        verdict,
        f"mean {mean:.3g}, variance {seen.var():.3g}, deviation in a channel "
        f"{deviation:.3g}",
        f"a mean near 0, a deviation of {DEVIATION[0]:g} to {DEVIATION[1]:g}",
        advice,
        values,
    )


def _preprocessed(model, images):
    for layer in model.layers:
        if layer.__class__.__name__ == "Preprocess":
            return layer(images)
    return images


def classes(source, learnt=True):
    """How often each class of a `kzoo.data.Source` comes; boxes or pictures."""
    counts = np.asarray(source.counts())
    named = dict(zip(source.class_names, counts.tolist()))
    absent = [name for name, count in named.items() if not count]
    most, least = counts.max(), max(1, counts.min())
    verdict, advice = PASS, ""
    if absent:
        verdict = FAIL if learnt else WARN
        advice = f"No example of {some(absent)}: " + (
            "it cannot be learnt" if learnt else "it is not scored"
        )
    elif most / least > IMBALANCE:
        verdict = WARN
        advice = "Show rare classes more often, or look at the score of each class"
    rarest, commonest = min(named, key=named.get), max(named, key=named.get)
    return Check(
        f"classes of {source.split}",
        verdict,
        f"{len(counts)} classes in {len(source)} pictures; {rarest} {named[rarest]} "
        f"times, {commonest} {named[commonest]} times",
        f"each one there, at most {IMBALANCE} times as often as another",
        advice,
        {"counts": named, "pictures": len(source)},
    )


def labels(targets, class_count, image_size):
    """Whether what a batch says is possible: labels in 0..K-1, boxes in the picture.

    Args:
      targets: of a batch, as `kzoo.data.batches` gives them.
      image_size: (height, width) of the batch's pictures.
    """
    if isinstance(targets, dict):
        return _boxes_possible(targets, class_count, image_size)
    found = np.asarray(targets)
    if found.ndim == 2:  # mixed pictures: probabilities
        sums = found.sum(-1)
        fine = found.shape[1] == class_count and np.allclose(sums, 1, atol=1e-3)
        measured = f"{found.shape[1]} shares that add up to {sums.min():.3g}"
        wanted = f"{class_count} shares that add up to 1"
    else:
        fine = found.min() >= 0 and found.max() < class_count
        measured, wanted = f"{found.min()} to {found.max()}", f"0 to {class_count - 1}"
    return _labels_check(fine, measured, wanted)


def _boxes_possible(targets, class_count, image_size):
    valid = np.asarray(targets["valid"])
    found, boxes = np.asarray(targets["labels"])[valid], targets["boxes"]
    boxes = np.asarray(boxes)[valid]
    if not len(found):
        return Check(
            "labels of a batch",
            WARN,
            "no box at all",
            f"labels in 0 to {class_count - 1}",
            "Is this split annotated? Look at batch.png",
        )
    limits = np.array([*image_size[::-1]] * 2) + 0.01
    inside = np.all((boxes >= -0.01) & (boxes <= limits))
    area = np.all(boxes[:, 2:] > boxes[:, :2])
    fine = found.min() >= 0 and found.max() < class_count and inside and area
    measured = f"{found.min()} to {found.max()}, {len(found)} boxes"
    measured += "" if inside else ", some outside of their picture"
    measured += "" if area else ", some without area"
    wanted = f"0 to {class_count - 1}, boxes inside, xyxy"
    return _labels_check(bool(fine), measured, wanted)


def _labels_check(fine, measured, wanted):
    advice = (
        "What is out of range teaches nothing or the wrong thing: count classes "
        "from 0, give no class to the background, boxes as xyxy in pixels"
    )
    verdict = PASS if fine else FAIL
    return Check("labels of a batch", verdict, measured, wanted, advice)


def box_sizes(boxes):
    """Sides of boxes (N, 4), in pixels of the network's input."""
    if not len(boxes):
        advice = "Is this split annotated? Look at batch.png"
        return Check("sizes of boxes", WARN, "no boxes", "some", advice)
    sides = np.sqrt(np.prod(np.asarray(boxes)[:, 2:] - np.asarray(boxes)[:, :2], -1))
    low, median, high = np.percentile(sides, [5, 50, 95])
    tiny = float(np.mean(sides < TINY))
    return Check(
        "sizes of boxes",
        grade(tiny, (0, 0.1), (0, 1)),
        f"5 % below {low:.0f} px, half below {median:.0f}, 5 % above {high:.0f}; "
        f"{tiny:.0%} under {TINY} px",
        f"at most 10 % under {TINY} px",
        "Small objects need a larger --image_size",
        {"percentile_5": low, "median": median, "percentile_95": high, "tiny": tiny},
    )


def anchors(boxes, all_anchors, positive=0.5):
    """Whether anchors (N, 4) fit boxes (M, 4): best overlap of each box."""
    from kzoo.ops.boxes import iou

    if not len(boxes):
        return Check("anchors", WARN, "no boxes", "some", "Is this split annotated?")
    overlaps = keras.ops.convert_to_numpy(
        iou(np.float32(boxes), np.float32(all_anchors))
    )
    missed = float(np.mean(overlaps.max(axis=1) < positive))
    return Check(
        "anchors",
        grade(missed, (0, 0.15), (0, 0.5)),
        f"{missed:.0%} of the boxes have no anchor of IoU {positive:g}, median of the "
        f"best {np.median(overlaps.max(axis=1)):.2f}",
        "at most 15 %",
        "Set --anchor_scale lower for small objects, higher for large ones, or change "
        "--image_size",
        {"missed": missed},
    )
