"""python -m tests.golden.make_ssd: torchvision's SSD and SSDLite, lufficc's SSD512,
chuanqi305's MobileNet-SSD.

Needs torch and torchvision (the extra `parity`), https://github.com/lufficc/SSD on the
path and yacs; deploy.prototxt of https://github.com/chuanqi305/MobileNet-SSD as the
file MOBILENET_SSD, and caffe_ref.py, which runs it in torch, on the path. The tests
that read them need none. Made with torch 2.13, torchvision 0.28, lufficc's last commit,
68dc0a2, and chuanqi305's, bb17b6c.
"""

import functools
import json
import os
import pathlib
import re
import tempfile

import numpy as np
import torch
import torchvision
from torchvision.models import detection
from torchvision.models.detection import ssdlite

from kzoo.weights.families import mobilenet_v2
from kzoo.weights.families.ssd import torchvision_lite
from tests.golden import draw, reference

# Mean and deviation as fractions of 255: SSD300's, and -1..1.
VGG_PIXELS = (0.48235, 0.45882, 0.40784), (1 / 255,) * 3
HALF = (0.5,) * 3, (0.5,) * 3
# Of SSDLite: a box that many anchors hold ties, and rounding decides.
LARGE_BOXES = [[[20, 10, 90, 100], [100, 30, 260, 250], [5, 200, 310, 318]], []]


def network(name, pixels, side, boxes):
    """Raw outputs, anchors, matches, losses and detections of torchvision's."""
    model = getattr(detection, name)(weights=None, weights_backbone=None)
    model, shapes = reference.with_drawn_weights(model)
    images = reference.tensor(draw.pictures(2, side, side), *pixels)
    features = list(model.backbone(images).values())
    heads = model.head(features)
    sizes = [(side, side)] * 2
    batch = detection.image_list.ImageList(images, sizes)
    anchors = model.anchor_generator(batch, features)
    arrays = {
        "shapes": np.array(json.dumps(shapes)),
        "logits": draw.summary(heads["cls_logits"], 500),
        "deltas": draw.summary(heads["bbox_regression"], 500),
        "anchors": anchors[0].numpy(),
    }
    arrays |= losses(model, heads, anchors, boxes)
    # Ours has no limit of each class, here 400 or 300 before NMS.
    model.topk_candidates = len(anchors[0])
    for i, found in enumerate(model.postprocess_detections(heads, anchors, sizes)):
        arrays |= {f"detected_{key}_{i}": x.numpy() for key, x in found.items()}
    return arrays


def losses(model, heads, anchors, boxes):
    """Of both pictures as one batch; torchvision's class 0 is background."""
    targets, matches = [], []
    for its_boxes, labels, its_anchors in zip(boxes, draw.LABELS, anchors):
        its_boxes = torch.tensor(its_boxes, dtype=torch.float32).reshape(-1, 4)
        labels = torch.tensor(labels, dtype=torch.int64).clamp(max=89) + 1
        targets.append({"boxes": its_boxes, "labels": labels})
        match = torch.full((len(its_anchors),), -1)
        if len(its_boxes):
            iou = torchvision.ops.box_iou(its_boxes, its_anchors)
            match = model.proposal_matcher(iou)
        matches.append(match)
    terms = model.compute_loss(targets, heads, anchors, matches)
    positive = matches[0] >= 0
    encoded = model.box_coder.encode_single(
        targets[0]["boxes"][matches[0][positive]], anchors[0][positive]
    )
    return {
        "boxes": np.array(boxes[0], "float32"),
        "class_loss": terms["classification"].numpy(),
        "box_loss": terms["bbox_regression"].numpy(),
        "positive": np.flatnonzero(positive),
        "matched": matches[0][positive].numpy(),
        "targets": encoded.numpy(),
    }


def our_name(name):
    """Ours of a weight of SSDLite on MobileNetV2, for which nobody published any."""
    layer, _, variable = name.rpartition(".")
    part, *rest = layer.removeprefix("backbone.features.").split(".")
    if not layer.startswith("backbone.features."):
        ours = torchvision_lite(layer)
    elif part == "0" and rest[0] == "14":
        ours = f"block14_expand_{('conv', 'bn')[int(rest[1])]}"
    else:
        block = int(rest[0]) + (14 if part == "1" else 0)
        within = ["conv", *rest[1:]] if (part, rest[0]) == ("1", "0") else rest[1:]
        ours = mobilenet_v2.torchvision(".".join(["features", str(block), *within]))
    if ours.endswith("_bn"):
        names = {"weight": "gamma", "bias": "beta"}
        return f"{ours}/{names.get(variable, variable.replace('running', 'moving'))}"
    return f"{ours}/{'kernel' if variable == 'weight' else 'bias'}"


def lite_on_mobilenet_v2():
    """Raw outputs of torchvision's SSDLite on its MobileNetV2, drawn by our names."""
    norm = functools.partial(torch.nn.BatchNorm2d, eps=1e-3, momentum=0.03)
    backbone = torchvision.models.mobilenet_v2()
    for block in list(backbone.features)[1:18]:
        block.block = block.conv
    backbone.features[18][1].eps = 1e-3
    extractor = ssdlite._mobilenet_extractor(backbone, 6, norm)
    numbers = [3, 6, 6, 6, 6, 6]
    channels = [576, 1280, 512, 256, 256, 128]
    head = ssdlite.SSDLiteHead(channels, numbers, 81, norm)
    model = torch.nn.ModuleDict({"backbone": extractor, "head": head}).eval()
    size = sum(x.numel() for x in model.parameters())
    state, shapes = {}, {}
    for name, x in model.state_dict().items():
        # The twin that `block` made of each block, and counts of batches.
        if ".block." in name or name.endswith("num_batches_tracked"):
            continue
        state[name] = our_name(name).replace("moving_var", "moving_variance")
    for name, ours in state.items():
        x = model.state_dict()[name]
        order = (2, 3, 0, 1) if "depthwise_conv" in ours else (2, 3, 1, 0)
        kernel = x.ndim == 4
        shapes[ours] = tuple(x.shape[i] for i in order) if kernel else tuple(x.shape)
        drawn = draw.weights({ours: shapes[ours]})[ours]
        drawn = drawn.transpose(np.argsort(order)) if kernel else drawn
        x.copy_(torch.from_numpy(drawn.copy()))
    images = reference.tensor(draw.pictures(2, 320, 320))
    heads = head(list(extractor(images).values()))
    return {
        "shapes": np.array(json.dumps(shapes)),
        "parameters": np.array(size),
        "logits": draw.summary(heads["cls_logits"], 500),
        "deltas": draw.summary(heads["bbox_regression"], 500),
    }


def ssd512():
    """Raw outputs, default boxes, classes of these and losses of lufficc's SSD512."""
    # It looks at torchvision's version as at text.
    torchvision.__version__ = "0.9"
    import ssd
    from ssd.config import cfg
    from ssd.modeling.anchors.prior_box import PriorBox
    from ssd.modeling.backbone.vgg import VGG
    from ssd.modeling.box_head.box_predictor import SSDBoxPredictor
    from ssd.modeling.box_head.loss import MultiBoxLoss
    from ssd.utils import box_utils

    configs = pathlib.Path(ssd.__file__).parents[1] / "configs"
    cfg.merge_from_file(str(configs / "vgg_ssd512_voc0712.yaml"))
    parts = {"predictor": SSDBoxPredictor(cfg)}
    model = {"backbone": VGG(cfg), "box_head": torch.nn.ModuleDict(parts)}
    model, shapes = reference.with_drawn_weights(torch.nn.ModuleDict(model))
    pixels = draw.pictures(1, 512, 512).astype("float32") - (123, 117, 104)
    images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype("float32"))
    logits, deltas = parts["predictor"](model["backbone"](images))

    priors = PriorBox(cfg)()
    corners = box_utils.center_form_to_corner_form(priors)
    boxes = torch.tensor(draw.BOXES[0], dtype=torch.float32) / 512
    labels = torch.tensor([2, 20, 1])
    matched, classes = box_utils.assign_priors(boxes, labels, corners, 0.5)
    goal = box_utils.convert_boxes_to_locations(
        box_utils.corner_form_to_center_form(matched), priors, 0.1, 0.2
    )
    box_loss, class_loss = MultiBoxLoss(3)(logits, deltas, classes[None], goal[None])
    return {
        "shapes": np.array(json.dumps(shapes)),
        "logits": draw.summary(logits, 500),
        "deltas": draw.summary(deltas, 500),
        "anchors": (corners * 512).numpy()[::7].copy(),
        "positive": np.flatnonzero(classes),
        "classes": classes[classes > 0].numpy() - 1,
        "class_loss": class_loss.numpy(),
        "box_loss": box_loss.numpy(),
    }


def mobilenet_ssd():
    """Raw outputs of chuanqi305's network, without what follows them."""
    from caffe_ref import Net

    text = pathlib.Path(os.environ["MOBILENET_SSD"]).read_text()
    kept = [
        part
        for part in re.split(r"^(?=layer)", text, flags=re.MULTILINE)
        if "priorbox" not in part
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write("".join(kept))
        file.flush()
        net = Net(file.name)
    pixels = (draw.pictures(2, 300, 300)[..., ::-1] - 127.5) * 0.007843
    data = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype("float32"))
    net.run(data=data)  # It makes its arrays where it meets their layers.
    shapes = {
        f"{layer}/{number}": tuple(array.shape)
        for layer, arrays in net.W.items()
        for number, array in enumerate(arrays)
    }
    for name, array in draw.weights(shapes).items():
        layer, _, number = name.rpartition("/")
        net.W[layer][int(number)] = torch.from_numpy(array)
    blobs = net.run(data=data)
    return {
        "shapes": np.array(json.dumps(shapes)),
        "logits": draw.summary(blobs["mbox_conf"].reshape(2, -1, 21), 500),
        "deltas": draw.summary(blobs["mbox_loc"].reshape(2, -1, 4), 500),
    }


def main():
    makers = {
        "ssd300_torchvision": lambda: network(
            "ssd300_vgg16", VGG_PIXELS, 300, draw.BOXES
        ),
        "ssdlite320_torchvision": lambda: network(
            "ssdlite320_mobilenet_v3_large", HALF, 320, LARGE_BOXES
        ),
        "ssdlite": lite_on_mobilenet_v2,
        "ssd512": ssd512,
        "mobilenet_ssd": mobilenet_ssd,
    }
    for name, make in makers.items():
        with torch.inference_mode():
            arrays = make()
        for key, array in arrays.items():
            if array.dtype == "float64":
                arrays[key] = array.astype("float32")
        np.savez_compressed(pathlib.Path(__file__).with_name(f"{name}.npz"), **arrays)
        print(name, {key: array.shape for key, array in arrays.items()})
        print({key: x for key, x in arrays.items() if not x.shape and key != "shapes"})


if __name__ == "__main__":
    main()
