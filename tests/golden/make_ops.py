"""Writes ops.npz: what torch and torchvision say about boxes, anchors and losses.

    python tests/golden/make_ops.py

Needs torch and torchvision (the extra `parity`); the tests that read it need neither.
"""

import pathlib

import numpy as np
import torch
import torchvision
from torch.nn import functional
from torchvision import ops
from torchvision.models.detection import _utils, image_list, retinanet


def random_boxes(rng, *shape):
    corner = rng.uniform(0, 80, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(2, 60, (*shape, 2))], axis=-1)


def overlaps(rng):
    """Pairs of boxes: random ones, equal, nested, side by side, far apart."""
    a, b = random_boxes(rng, 24), random_boxes(rng, 24)
    a[:4] = [[0, 0, 10, 10], [0, 0, 40, 40], [0, 0, 10, 10], [0, 0, 1, 1]]
    b[:4] = [[0, 0, 10, 10], [10, 10, 20, 30], [10, 0, 20, 10], [900, 900, 901, 909]]
    pair = tensors(a, b)
    moving = pair[1].clone().requires_grad_()
    ops.complete_box_iou_loss(pair[0], moving).sum().backward()
    return {
        "overlap_a": a,
        "overlap_b": b,
        "overlap_iou": ops.box_iou(*pair),
        "overlap_giou": ops.generalized_box_iou_loss(*pair),
        "overlap_diou": ops.distance_box_iou_loss(*pair),
        "overlap_ciou": ops.complete_box_iou_loss(*pair),
        "overlap_ciou_gradient": moving.grad,
    }


def deltas(rng):
    """The box coder of R-CNNs, whose weights are the inverse of our variances."""
    coder = _utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
    boxes, anchors = random_boxes(rng, 12), random_boxes(rng, 12)
    codes = rng.normal(0, 4, (12, 4))
    codes[:2, 2:] = 100
    return {
        "coder_boxes": boxes,
        "coder_anchors": anchors,
        "coder_deltas": coder.encode_single(*tensors(boxes, anchors)),
        "coder_codes": codes,
        "coder_decoded": coder.decode_single(*tensors(codes, anchors)),
    }


def anchors():
    """RetinaNet's at 128 x 256 pixels, each seventh; whole numbers, so they pack small.

    Seven and nine (shapes a position) have no common divisor: every shape is there.
    """
    generator = retinanet._default_anchorgen()
    images = image_list.ImageList(torch.zeros(1, 3, 128, 256), [(128, 256)])
    strides = (8, 16, 32, 64, 128)
    features = [torch.zeros(1, 1, 128 // s, 256 // s) for s in strides]
    (boxes,) = generator(images, features)
    assert torch.equal(boxes, boxes.to(torch.int16).float())
    return {"anchors": boxes[::7].to(torch.int16), "anchors_count": len(boxes)}


def matches(rng):
    """-1 is a negative anchor, -2 an ignored one. The second table is full of ties."""
    made = {}
    tables = {"random": rng.uniform(0, 0.8, (6, 50)) ** 2}
    tables["ties"] = np.round(rng.uniform(0.05, 0.7, (6, 50)), 1)
    for name, table in tables.items():
        made[f"match_{name}"] = table
        for force in (False, True):
            matcher = _utils.Matcher(0.5, 0.4, allow_low_quality_matches=force)
            made[f"match_{name}_{force}"] = matcher(*tensors(table))
    return made


def losses(rng):
    logits = np.concatenate([rng.normal(0, 4, 28), [-100, 100, 0, -20]])
    targets = np.tile([0.0, 1.0], 16)
    made = {"focal_logits": logits, "focal_targets": targets}
    for alpha, gamma in ((0.25, 2.0), (0.5, 0.0), (0.9, 1.5)):
        loss = ops.sigmoid_focal_loss(*tensors(logits, targets), alpha, gamma)
        made[f"focal_{alpha}_{gamma}"] = loss
    a, b = rng.normal(0, 1, 32), rng.normal(0, 1, 32)
    made |= {"smooth_a": a, "smooth_b": b}
    for beta in (1.0, 0.25):
        made[f"smooth_{beta}"] = functional.smooth_l1_loss(
            *tensors(a, b), beta=beta, reduction="none"
        )
    logits, labels = rng.normal(0, 3, (10, 5)), rng.integers(0, 5, 10)
    made |= {"softmax_logits": logits, "softmax_labels": labels}
    for smoothing in (0.0, 0.1):
        made[f"softmax_{smoothing}"] = functional.cross_entropy(
            *tensors(logits),
            torch.as_tensor(labels),
            label_smoothing=smoothing,
            reduction="none",
        )
    return made


def suppression(rng):
    boxes, scores = random_boxes(rng, 60), rng.permutation(60) / 60
    classes = rng.integers(0, 3, 60)
    kept = ops.batched_nms(*tensors(boxes, scores), torch.as_tensor(classes), 0.5)
    return {
        "nms_boxes": boxes,
        "nms_scores": scores,
        "nms_classes": classes,
        "nms_kept": kept,
    }


def resizes(rng):
    """Bilinear without antialias, to sizes of about the same aspect."""
    picture = rng.integers(0, 256, (7, 10, 3), dtype="uint8")
    (first,) = tensors(picture.transpose(2, 0, 1)[None])
    made = {"resize_picture": picture}
    for height, width in ((3, 4), (5, 7), (11, 16)):
        result = functional.interpolate(first, (height, width), mode="bilinear")
        made[f"resize_{height}_{width}"] = result[0].permute(1, 2, 0)
    return made


def tensors(*arrays):
    return [torch.as_tensor(array, dtype=torch.float32) for array in arrays]


def main():
    rng = np.random.default_rng(0)
    made = {
        "made_by": f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    }
    made |= anchors()
    for part in (overlaps, deltas, matches, losses, suppression, resizes):
        made |= part(rng)
    arrays = {name: np.asarray(array) for name, array in made.items()}
    small = {
        name: array.astype("float32") if array.dtype == np.float64 else array
        for name, array in arrays.items()
    }
    np.savez_compressed(pathlib.Path(__file__).with_name("ops.npz"), **small)


if __name__ == "__main__":
    main()
