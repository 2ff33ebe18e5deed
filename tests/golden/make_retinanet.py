"""python -m tests.golden.make_retinanet: torchvision's RetinaNets.

Needs torch and torchvision (the extra `parity`); the tests that read them need
neither. Made with torch 2.13 and torchvision 0.28.
"""

import json
import pathlib

import numpy as np
import torch
import torchvision
from torchvision.models import detection

from tests.golden import draw, reference


def raw_outputs(model, images):
    features = list(model.backbone(images).values())
    return features, model.head(features)


def retinanet(name):
    """Raw outputs at both sizes; losses, targets and detections at EVEN."""
    model = getattr(detection, name)(weights=None, weights_backbone=None)
    model, shapes = reference.with_drawn_weights(model)
    arrays = {"shapes": np.array(json.dumps(shapes))}
    _, heads = raw_outputs(model, reference.tensor(draw.pictures(*draw.ODD)))
    arrays["odd_logits"] = draw.summary(heads["cls_logits"], 500)
    arrays["odd_deltas"] = draw.summary(heads["bbox_regression"], 500)

    images = reference.tensor(draw.pictures(*draw.EVEN))
    features, heads = raw_outputs(model, images)
    arrays["logits"] = draw.summary(heads["cls_logits"], 500)
    arrays["deltas"] = draw.summary(heads["bbox_regression"], 500)
    sizes = [draw.EVEN[1:]] * len(images)
    batch = detection.image_list.ImageList(images, sizes)
    anchors = model.anchor_generator(batch, features)
    for i in range(len(images)):
        arrays |= losses(model, i, heads, anchors[i])
    arrays |= detections(model, features, heads, anchors, sizes)
    return arrays


def losses(model, i, heads, anchors):
    """The losses of picture i alone, and what its anchors shall predict.

    torchvision divides by each picture's own positives and means over pictures, where
    we divide by the positives of the whole batch: one picture at a time they agree.
    """
    boxes = torch.tensor(draw.BOXES[i], dtype=torch.float32).reshape(-1, 4)
    target = {"boxes": boxes, "labels": torch.tensor(draw.LABELS[i], dtype=torch.int64)}
    heads = {name: x[i : i + 1] for name, x in heads.items()}
    terms = model.compute_loss([target], heads, [anchors])
    arrays = {
        f"class_loss_{i}": terms["classification"].numpy(),
        f"box_loss_{i}": terms["bbox_regression"].numpy(),
    }
    if not len(boxes):
        return arrays
    match = model.proposal_matcher(torchvision.ops.box_iou(boxes, anchors)).numpy()
    positive = match >= 0
    arrays[f"positive_{i}"] = np.flatnonzero(positive)
    arrays[f"ignored_{i}"] = np.flatnonzero(
        match == model.proposal_matcher.BETWEEN_THRESHOLDS
    )
    arrays[f"matched_{i}"] = match[positive]
    arrays[f"targets_{i}"] = model.box_coder.encode_single(
        boxes[match[positive]], anchors[positive]
    ).numpy()
    return arrays


def detections(model, features, heads, anchors, sizes):
    counts = [x.shape[2] * x.shape[3] * 9 for x in features]
    by_level = {name: list(x.split(counts, dim=1)) for name, x in heads.items()}
    split = [list(x.split(counts)) for x in anchors]
    arrays = {}
    for i, found in enumerate(model.postprocess_detections(by_level, split, sizes)):
        arrays |= {f"detected_{name}_{i}": x.numpy() for name, x in found.items()}
    return arrays


def main():
    makers = {
        "retinanet_torchvision": lambda: retinanet("retinanet_resnet50_fpn"),
        "retinanet_v2": lambda: retinanet("retinanet_resnet50_fpn_v2"),
    }
    for name, make in makers.items():
        with torch.inference_mode():
            arrays = make()
        for key, array in arrays.items():
            if array.dtype == "float64":
                arrays[key] = array.astype("float32")
        np.savez_compressed(pathlib.Path(__file__).with_name(f"{name}.npz"), **arrays)
        print(name, {key: array.shape for key, array in arrays.items()})


if __name__ == "__main__":
    main()
