"""python -m tests.golden.make_darknet FOLDER: Darknet's networks, losses and boxes.

FOLDER is the authors' repository, https://github.com/pjreddie/darknet, with its library
built (`make libdarknet.a`, no GPU). Made with commit f6afaabc, compiled by gcc 12.2,
-O2; tests/golden/darknet.c asks it. `yolo_v1`, of which no cfg exists, is Darknet's
reading of one that is written here from the paper's figure 3, an eighth as wide.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

from tests.golden import darknet_cases as cases
from tests.golden import draw

HERE = pathlib.Path(__file__).parent
TEMPORARY = pathlib.Path(tempfile.mkdtemp())


class Darknet:
    """The authors' program, asked by files."""

    def __init__(self, folder):
        self.cfgs = pathlib.Path(folder) / "cfg"
        self.program = TEMPORARY / "darknet"
        includes = [f"-I{folder}/{name}" for name in ("include", "src")]
        command = ["gcc", "-O2", "-w", *includes, HERE / "darknet.c"]
        library = f"{folder}/libdarknet.a"
        end = [library, "-o", self.program, "-lm", "-lpthread"]
        subprocess.run([*command, *end], check=True)

    def __call__(self, *arguments):
        answer = TEMPORARY / "answer"
        subprocess.run(
            [self.program, *map(str, arguments)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "ANSWER": str(answer)},
        )
        return np.fromfile(answer, "float32")


def put(name, array):
    path = TEMPORARY / name
    np.asarray(array, "float32").tofile(path)
    return path


def cfg_file(text):
    path = TEMPORARY / "network.cfg"
    path.write_text(text)
    return path


def resized(text, height, width):
    """A cfg for pictures of another size."""
    text = re.sub(r"(?m)^height\s*=.*$", f"height={height}", text, count=1)
    return re.sub(r"(?m)^width\s*=.*$", f"width={width}", text, count=1)


def with_cells(text, side, outputs):
    """A cfg of YOLO v1 with side x side cells."""
    text = re.sub(r"(?m)^output\s*=.*$", f"output={outputs}", text)
    return re.sub(r"(?m)^side\s*=.*$", f"side={side}", text)


def outputs_of(darknet, text, numbers, size, places):
    """{name: what `draw.summary` keeps of a layer's outputs, (2, C, H, W)}."""
    path = TEMPORARY / "numbers.weights"
    cases.write(path, numbers)
    pictures = draw.pictures(2, *size).astype("float32") / 255
    pictures = put("pictures", pictures.transpose(0, 3, 1, 2))
    found = {}
    for name, place in places.items():
        answer = darknet("predict", cfg_file(text), path, pictures, place)
        found[name] = draw.summary(answer, 500)
    return found


def network(darknet, file):
    text = resized((darknet.cfgs / f"{file.cfg}.cfg").read_text(), *file.size)
    if "[detection]" in text:
        outputs = re.search(r"\[connected\]\s*output=\s*(\d+)", text)
        text = with_cells(text, 2, int(outputs[1]) // 49 * 4)
    numbers = cases.drawn(file.layers())
    return outputs_of(darknet, text, numbers, file.size, file.outputs)


def paper(darknet):
    """Figure 3 an eighth as wide, with 2x2 cells."""
    text = ["[net]\nheight=128\nwidth=128\nchannels=3\nbatch=1"]
    for row in cases.PAPER_ROWS:
        if row == "pool":
            text.append("[maxpool]\nsize=2\nstride=2")
            continue
        filters, size, *strides = row
        text.append(
            f"[convolutional]\nfilters={filters}\nsize={size}\npad=1\n"
            f"stride={strides[0] if strides else 1}\nactivation=leaky"
        )
    text.append("[connected]\noutput=64\nactivation=leaky")
    text.append("[dropout]\nprobability=.5\n[connected]\noutput=120\nactivation=linear")
    text = "\n".join(text) + "\n"
    numbers = cases.drawn(cases.paper_layers())
    place = len(cases.PAPER_ROWS) + 2
    return outputs_of(darknet, text, numbers, (128, 128), {"raw": place})


def last_layer(darknet, case):
    """The cfg of a last layer alone, with the numbers of the authors' own."""
    name = "yolov2" if case.has_priors else "yolov1"
    text = (darknet.cfgs / f"{name}.cfg").read_text()
    section = text[text.index("[region]" if case.has_priors else "[detection]") :]
    section = re.sub(r"classes=\d+", f"classes={case.classes}", section)
    section = re.sub(r"num=\d+", f"num={case.per_cell}", section)
    section = re.sub(r"side=\d+", f"side={case.grid[0]}", section)
    height, width = case.grid
    channels = case.per_cell * (5 + case.classes)
    if not case.has_priors:
        channels = height * width * (case.classes + 5 * case.per_cell)
        height = width = 1
    net = f"[net]\nbatch=1\nheight={height}\nwidth={width}\nchannels={channels}\n"
    return cfg_file(f"{net}{section}\n")


def raw(case):
    """In Darknet's order."""
    if case.has_priors:
        return case.raw.transpose(1, 2, 0)
    parts = case.raw[:, 0, 5:], case.raw[..., 4], case.raw[..., :4]
    return np.concatenate([part.ravel() for part in parts])


def truth(case):
    """As the authors' src/data.c makes it of boxes that come in this order."""
    height, width = case.size
    boxes = np.reshape(np.float32(case.boxes), (-1, 4)) / (width, height, width, height)
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    if case.has_priors:
        rows = np.zeros((30, 5))
        rows[: len(boxes)] = np.column_stack([centres, sides, case.labels])
        return rows
    rows = np.zeros((*case.grid, 1 + case.classes + 4))
    for centre, side, label in zip(centres, sides, case.labels):
        column, row = (centre * case.grid[::-1]).astype(int)
        if not rows[row, column, 0]:  # the first one stays
            offset = centre * case.grid[::-1] - (column, row)
            rows[row, column, [0, 1 + label]] = 1
            rows[row, column, -4:] = [*offset, *side]
    return rows


def answers(darknet, name, case):
    """The gradient, all boxes, and with priors those that are left after NMS."""
    cfg, given = last_layer(darknet, case), put("raw", raw(case))
    found = {"gradient": -darknet("loss", cfg, given, put("truth", truth(case)))}
    size = case.size[::-1]
    found["boxes"] = darknet("boxes", cfg, given, *size, 0, 0)
    if case.has_priors:
        found["kept"] = darknet("boxes", cfg, given, *size, 0.005, 0.45)
    return {f"{name}_{key}": array for key, array in found.items()}


def main(folder):
    darknet = Darknet(folder)
    arrays = {}
    for name, file in cases.FILES.items():
        for key, array in network(darknet, file).items():
            arrays[f"{name}_{key}"] = array
    arrays["yolo_v1_raw"] = paper(darknet)["raw"]
    for name, case in cases.LOSSES.items():
        arrays |= answers(darknet, name, case)
    arrays = {key: array.astype("float32") for key, array in arrays.items()}
    np.savez_compressed(HERE / "darknet.npz", **arrays)
    print({key: array.shape for key, array in arrays.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
