"""python -m tests.golden.make_fcos: torchvision's FCOS, and the authors'.

Needs torch, torchvision and, for the second, a checkout of
https://github.com/tianzhi0549/FCOS on the path and yacs; its compiled operations are
not called. Made with torch 2.13 and torchvision 0.28.

torchvision differs in two corners from the paper, which the authors' code and ours
follow; what is drawn here keeps out of both. A distance that equals an end of a level's
range belongs to neither level there, to both in the paper (64 px from an edge, say).
Areas are compared as float32 numbers around 1e8, which are 8 apart: less is a tie.
"""

import json
import pathlib
import sys
import types

import numpy as np
import torch
from torchvision.models import detection

from tests.golden import draw, reference

SIZE = draw.EVEN[1:]
CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR, as our resnet50_v1 has it


def crowd(count=40):
    """(boxes, labels): of all sizes and shapes, over one another."""
    rng = np.random.default_rng(1)
    sides = np.exp(rng.uniform(np.log(6), np.log(200), (count, 2)))
    centres = rng.uniform(0, SIZE[::-1], (count, 2))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
    height, width = SIZE
    boxes = np.clip(boxes, 0.3, [width - 0.4, height - 0.4] * 2)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    order = np.argsort(areas)
    apart = np.append(True, np.diff(areas[order]) > 16)
    boxes = rng.permutation(boxes[order][apart])
    return boxes, rng.integers(0, 80, len(boxes))


TRUTH = (draw.BOXES[0], [1, 79, 0]), crowd()


def raw(heads, prefix=""):
    """Summaries of {ours: (B, N, C)}."""
    return {f"{prefix}{name}": draw.summary(x, 500) for name, x in heads.items()}


def truths():
    """What both references were asked, for the tests."""
    arrays = {}
    for i, (boxes, labels) in enumerate(TRUTH):
        arrays[f"boxes_{i}"] = np.asarray(boxes, "float32").reshape(-1, 4)
        arrays[f"labels_{i}"] = np.asarray(labels, "int32")
    return arrays


def torchvision_arrays():
    """Raw outputs at both sizes; matches, losses and detections at EVEN."""
    model = detection.fcos_resnet50_fpn(weights=None, weights_backbone=None)
    model, shapes = reference.with_drawn_weights(model)
    # Else the ReLU leaves most boxes without an area.
    model.head.regression_head.bbox_reg.bias.data += 2
    arrays = {"shapes": np.array(json.dumps(shapes)), **truths()}
    odd = model.backbone(reference.tensor(draw.pictures(*draw.ODD)))
    arrays |= raw(ours(model.head(list(odd.values()))), "odd_")

    images = reference.tensor(draw.pictures(*draw.EVEN))
    features = list(model.backbone(images).values())
    heads = model.head(features)
    arrays |= raw(ours(heads))
    counts = [x.shape[2] * x.shape[3] for x in features]
    batch = detection.image_list.ImageList(images, [SIZE] * len(images))
    anchors = model.anchor_generator(batch, features)
    matches = []
    compute = model.head.compute_loss

    def recorded(targets, outputs, anchors, found):
        matches.append(found)
        return compute(targets, outputs, anchors, found)

    model.head.compute_loss = recorded
    targets = [
        {
            "boxes": torch.tensor(np.asarray(boxes), dtype=torch.float32),
            "labels": torch.tensor(np.asarray(labels), dtype=torch.int64),
        }
        for boxes, labels in TRUTH
    ]
    losses = model.compute_loss(targets, heads, anchors, counts)
    arrays["matched"] = torch.stack(matches[0]).numpy().astype("int16")
    names = ("classification", "bbox_regression", "bbox_ctrness")
    arrays["losses"] = np.array([losses[name].item() for name in names])
    split = {name: list(x.split(counts, dim=1)) for name, x in heads.items()}
    levels = [list(x.split(counts)) for x in anchors]
    model.score_thresh = 0.05  # 0.2 leaves nothing of drawn weights
    model.detections_per_img = 300
    found = model.postprocess_detections(split, levels, [SIZE] * len(images))
    for i, picture in enumerate(found):
        arrays |= {f"detected_{name}_{i}": x.numpy() for name, x in picture.items()}
    return arrays


def ours(heads):
    return {
        "logits": heads["cls_logits"],
        "deltas": heads["bbox_regression"],
        "centerness": heads["bbox_ctrness"],
    }


def authors_arrays(improved):
    """Raw outputs, targets, losses, scores and boxes before NMS, at EVEN."""
    compiled = types.ModuleType("fcos_core._C")
    compiled.__getattr__ = lambda name: None
    sys.modules["fcos_core._C"] = compiled
    from fcos_core.config import cfg
    from fcos_core.layers.sigmoid_focal_loss import sigmoid_focal_loss_cpu
    from fcos_core.modeling.backbone import build_backbone
    from fcos_core.modeling.rpn.fcos.fcos import FCOSModule
    from fcos_core.modeling.rpn.fcos.inference import FCOSPostProcessor
    from fcos_core.structures.bounding_box import BoxList

    cfg.MODEL.BACKBONE.CONV_BODY = "R-50-FPN-RETINANET"
    cfg.MODEL.RESNETS.BACKBONE_OUT_CHANNELS = 256
    cfg.MODEL.RETINANET.USE_C5 = False
    settings = cfg.MODEL.FCOS
    settings.NORM_REG_TARGETS = settings.CENTERNESS_ON_REG = improved
    settings.CENTER_SAMPLING_RADIUS = 1.5 if improved else 0.0
    settings.IOU_LOSS_TYPE = "giou" if improved else "iou"
    network = torch.nn.Module()
    network.backbone = build_backbone(cfg)
    network.rpn = FCOSModule(cfg, 256)
    network, shapes = reference.with_drawn_weights(network)
    if improved:  # as above
        network.rpn.head.bbox_pred.bias.data += 2
    arrays = {"shapes": np.array(json.dumps(shapes)), **truths()}

    pixels = draw.pictures(*draw.EVEN)[..., ::-1] - np.float32(CAFFE_MEAN)
    images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype("float32"))
    features = network.backbone(images)
    network.rpn.head.train()  # else the improved one gives pixels
    logits, sides, centerness = network.rpn.head(features)
    rows = {"logits": logits, "sides": sides, "centerness": centerness}
    arrays |= raw({name: flat(levels) for name, levels in rows.items()})

    locations = network.rpn.compute_locations(features)
    targets = []
    for boxes, labels in TRUTH:
        target = BoxList(
            torch.tensor(np.asarray(boxes), dtype=torch.float32), SIZE[::-1]
        )
        target.add_field("labels", torch.tensor(np.asarray(labels)) + 1)
        targets.append(target)
    labels, _ = network.rpn.loss_evaluator.prepare_targets(locations, targets)
    of_pictures = [level.reshape(len(TRUTH), -1) for level in labels]
    arrays["labels_of_points"] = torch.cat(of_pictures, dim=1).numpy().astype("int16")
    # Their class passes plain numbers to a function that wants lists.
    network.rpn.loss_evaluator.cls_loss_func = lambda logits, truth: (
        sigmoid_focal_loss_cpu(logits, truth, [2.0], [0.25]).sum()
    )
    losses = network.rpn.loss_evaluator(locations, logits, sides, centerness, targets)
    arrays["losses"] = np.array([loss.item() for loss in losses])

    # A threshold and a size that leave nothing out; it clips at 0 all the same.
    find = FCOSPostProcessor(-1.0, 10**9, 0.6, 100, 0, 81)
    network.rpn.head.eval()
    heads = network.rpn.head(features)
    levels = [
        find.forward_for_single_feature_map(*level, [(10001, 10001)] * len(images))
        for level in zip(locations, *heads)
    ]
    pictures = [[level[i] for level in levels] for i in range(len(images))]
    boxes = torch.stack([torch.cat([x.bbox for x in p]) for p in pictures])
    scores = torch.stack(
        [torch.cat([x.get_field("scores") for x in p]) for p in pictures]
    )
    # One row for each point and class.
    arrays["boxes"] = draw.summary(boxes[:, ::80], 500)
    arrays["scores"] = draw.summary(scores, 500)
    return arrays


def flat(levels):
    """(B, C, H, W) of each level as (B, N, C)."""
    return torch.cat([x.flatten(2).transpose(1, 2) for x in levels], dim=1)


def main():
    makers = {
        "fcos_torchvision": torchvision_arrays,
        "fcos": lambda: authors_arrays(improved=True),
        "fcos_original": lambda: authors_arrays(improved=False),
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
