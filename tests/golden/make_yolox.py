"""python -m tests.golden.make_yolox: the authors' networks, SimOTA and losses.

Needs https://github.com/Megvii-BaseDetection/YOLOX on the path, and for its import
loguru, OpenCV and tabulate. Made with its last commit, 6ddff48.
"""

import contextlib
import json
import pathlib

import numpy as np
import torch
from yolox.models import YOLOPAFPN, YOLOX, YOLOXHead
from yolox.utils import postprocess

from tests.golden import draw, reference, simota_cases

# Depth, width, depthwise: the authors' exps/default.
NETWORKS = {
    "yolox_nano": (0.33, 0.25, True),
    "yolox_tiny": (0.33, 0.375, False),
    "yolox_s": (0.33, 0.5, False),
    "yolox_m": (0.67, 0.75, False),
    "yolox_l": (1.0, 1.0, False),
    "yolox_x": (1.33, 1.25, False),
}
# Of detections: with drawn weights some hundred are left.
SCORE, OVERLAP = 0.85, 0.3


def build(depth, width, depthwise, classes=80):
    model = YOLOX(
        YOLOPAFPN(depth, width, depthwise=depthwise),
        YOLOXHead(classes, width, depthwise=depthwise),
    )
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps, module.momentum = 1e-3, 0.03
    return model


def network(name):
    """Raw outputs at draw.EVEN; of the smallest boxes and detections too."""
    model, shapes = reference.with_drawn_weights(build(*NETWORKS[name]))
    pictures = draw.pictures(*draw.EVEN)[..., ::-1].astype("float32")
    pictures = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
    arrays = {"shapes": np.array(json.dumps(shapes))}
    heads = {"logits": "cls", "deltas": "reg", "objectness": "obj"}
    # Before the sigmoid.
    raw = {key: record(getattr(model.head, f"{x}_preds")) for key, x in heads.items()}
    decoded = model(pictures)
    for key, rows in raw.items():
        arrays[key] = draw.summary(torch.cat(rows, dim=1), 500)
    if name == "yolox_nano":
        arrays["boxes"] = decoded[..., :4].numpy()[:, ::7].copy()
        for i, found in enumerate(postprocess(decoded, 80, SCORE, OVERLAP)):
            arrays[f"detected_{i}"] = found.numpy()
    return arrays


def record(layers):
    """A list that gets what each layer answers, as rows (B, H W, C)."""
    rows = []

    def keep(layer, inputs, output):
        rows.append(output.flatten(2).transpose(1, 2).clone())

    for layer in layers:
        layer.register_forward_hook(keep)
    return rows


def head(classes=simota_cases.CLASSES):
    return YOLOXHead(classes, width=0.0625)


def grids():
    """x and y counted in cells and strides, (1, N) each, as get_losses wants them."""
    corners, strides = simota_cases.grid()
    cells = torch.tensor(corners / strides[:, None], dtype=torch.float32)
    strides = torch.tensor(strides, dtype=torch.float32)[None]
    return cells[None, :, 0], cells[None, :, 1], strides


def decoded(raw):
    """(B, N, 5 + K) with boxes in pixels, as the head passes them on in training."""
    x, y, strides = grids()
    raw = raw.clone()
    raw[..., :2] = (raw[..., :2] + torch.stack([x, y], -1)) * strides[..., None]
    raw[..., 2:4] = torch.exp(raw[..., 2:4]) * strides[..., None]
    return raw


@contextlib.contextmanager
def other_choices(change):
    """The authors' torch.topk and torch.min, stable: the lower index first where values
    are equal; `change` is done to the values before."""
    original = torch.topk, torch.min

    def stable(values, k, dim=-1, largest=True):
        values = change(values)
        order = torch.argsort(values, dim=dim, descending=largest, stable=True)
        order = order.narrow(dim, 0, int(k))
        return values.gather(dim, order), order

    def lowest(values, *others, dim=None):
        if dim is None:
            return original[1](values, *others)
        values, order = stable(values, 1, dim, largest=False)
        return values.squeeze(dim), order.squeeze(dim)

    torch.topk, torch.min = stable, lowest
    try:
        yield
    finally:
        torch.topk, torch.min = original


def assignment(case):
    """((N,) the box of each cell or -1, IoU of the positive cells)."""
    x, y, strides = grids()
    outputs = decoded(torch.from_numpy(case.raw)[None])
    classes, positive, iou, index, _ = head().get_assignments(
        0,
        len(case.boxes),
        torch.from_numpy(case.boxes),
        torch.from_numpy(case.labels),
        outputs[0, :, :4],
        strides,
        x,
        y,
        outputs[..., 5:],
        outputs[..., 4:5],
    )
    found = np.full(simota_cases.CELLS, -1, "int16")
    found[positive.numpy()] = index.numpy()
    return found, iou.numpy()


def assignments():
    """The official answers, the stable ones, and which do not hang on a rounding."""
    cases = [simota_cases.case(i) for i in range(simota_cases.COUNT)]
    official = [assignment(case) for case in cases]
    with other_choices(lambda values: values):
        stable = [assignment(case) for case in cases]
    firm = np.ones(len(cases), bool)
    for seed in range(5):
        noise = np.random.default_rng(seed)

        def shaken(values):
            scale = 1 + 1e-5 * noise.uniform(-1, 1, tuple(values.shape))
            # The 1e6 of those that are not near leaves steps of a sixteenth.
            far = torch.where(values > 1e5, 1e6, 0.0)
            return far + (values - far) * torch.tensor(scale, dtype=torch.float32)

        with other_choices(shaken):
            moved = [assignment(case)[0] for case in cases]
        firm &= [np.array_equal(a, b) for a, (b, _) in zip(moved, stable)]
    return {
        "official": np.array([found for found, _ in official]),
        "stable": np.array([found for found, _ in stable]),
        "iou": np.concatenate([iou for _, iou in stable[: simota_cases.OVERLAPS]]),
        "firm": firm,
    }


def matchings():
    """Of matrices full of ties: the box of each cell or -1, behind each other."""
    answers = []
    for number in range(simota_cases.MATRICES):
        cost, iou = map(torch.from_numpy, simota_cases.matrices(number))
        boxes, cells = cost.shape
        positive = torch.ones(cells, dtype=torch.bool)
        with other_choices(lambda values: values):
            _, _, _, index = head().simota_matching(
                cost, iou, torch.zeros(boxes), boxes, positive
            )
        found = np.full(cells, -1, "int16")
        found[positive.numpy()] = index.numpy()
        answers.append(found)
    return {"matchings": np.concatenate(answers)}


def losses(numbers):
    """IoU, objectness, class and L1 loss of a batch of cases."""
    cases = [simota_cases.case(number or 0) for number in numbers]
    rows = max(len(case.boxes) for case in cases)
    labels = torch.zeros(len(cases), rows, 5)
    for i, (number, case) in enumerate(zip(numbers, cases)):
        if number is not None:
            labels[i, : len(case.boxes), 0] = torch.from_numpy(case.labels)
            labels[i, : len(case.boxes), 1:] = torch.from_numpy(case.boxes)
    raw = torch.tensor(np.stack([case.raw for case in cases]))
    x, y, strides = ([grid] for grid in grids())
    ours = head()
    ours.use_l1 = True
    with other_choices(lambda values: values):
        found = ours.get_losses(
            None, x, y, strides, labels, decoded(raw), [raw[..., :4]], torch.float32
        )
    return np.array([float(loss) for loss in found[1:5]], "float32")


def write(name, arrays):
    for key, array in arrays.items():
        if array.dtype == "float64":
            arrays[key] = array.astype("float32")
    path = pathlib.Path(__file__).with_name(f"{name}.npz")
    np.savez_compressed(path, **arrays)
    print(name, path.stat().st_size, {key: x.shape for key, x in arrays.items()})


def main():
    for name in NETWORKS:
        with torch.inference_mode():
            write(name, network(name))
    with torch.no_grad():
        terms = {
            "losses": np.stack([losses(numbers) for numbers in simota_cases.BATCHES])
        }
        write("simota", assignments() | matchings() | terms)


if __name__ == "__main__":
    main()
