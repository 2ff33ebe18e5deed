r"""Draws what a model sees in pictures, and writes it down.

    python -m recipes.predict --model=runs/first street.jpg pictures/
    python -m recipes.predict --model=runs/first/export/model_int8.tflite pictures/

The model is a run, a saved model or any exported file. For each picture there is a
drawn one in --output. predictions.json there has all boxes (xyxy, in pixels), or of a
classifier the class and the scores of all.
"""

import json
import pathlib
import sys

from absl import flags
from PIL import Image
from tqdm import tqdm

import kzoo
from kzoo import draw_labels
from kzoo.prediction import PICTURES, read
from recipes import program
from recipes.opening import open_model

MODEL = flags.DEFINE_string("model", None, "Run, model or exported file.")
OUTPUT = flags.DEFINE_string("output", "predictions", "Folder for what is written.")
THRESHOLD = flags.DEFINE_float(
    "threshold", 0.3, "Lowest score that is drawn.", lower_bound=0, upper_bound=1
)


def find_pictures(places):
    """The picture files among `places` and inside those that are folders."""
    found = []
    for place in map(pathlib.Path, places):
        if place.is_dir():
            files = sorted(place.rglob("*"))
            found += [file for file in files if file.suffix.lower() in PICTURES]
        elif place.exists():
            found.append(place)
        else:
            raise FileNotFoundError(f"no picture {place}")
    if not found:
        raise ValueError(
            f"no pictures in {', '.join(map(str, places)) or 'the command'}; "
            f"name files or folders of {', '.join(PICTURES)}"
        )
    return found


def draw(picture, seen, path):
    """Writes `picture` with the boxes that are sure enough, or with its class."""
    if "boxes" in seen:
        drawn = with_boxes(picture, seen)
    else:
        drawn = draw_labels.label(picture, f"{seen['name']} {seen['score']:.2f}")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn).save(path)


def with_boxes(picture, seen):
    sure = seen["scores"] >= THRESHOLD.value
    names = [name for name, is_sure in zip(seen["names"], sure) if is_sure]
    kept = (seen[key][sure] for key in ("boxes", "scores", "classes"))
    boxes, scores, classes = kept
    return kzoo.draw.boxes(picture, boxes, names, scores, classes)


def plain(seen):
    """A dict of results as JSON holds it."""
    return {k: v.tolist() if hasattr(v, "tolist") else v for k, v in seen.items()}


def drawn_name(path, paths):
    """A name in --output for the drawn picture, different for different pictures."""
    twins = [other for other in paths if other.stem == path.stem]
    return f"{path.stem}{f'_{twins.index(path)}' if len(twins) > 1 else ''}.png"


def main(arguments):
    if not MODEL.value:
        raise ValueError("say which model sees: --model=runs/NAME")
    paths = find_pictures(arguments)
    predict = open_model(MODEL.value).predict
    output = pathlib.Path(OUTPUT.value)
    everything, unread = {}, []
    for path in tqdm(paths, unit="picture", disable=None):
        try:
            picture = read(path)
        except ValueError as error:
            unread.append(str(error))
            continue
        (seen,) = predict([picture])
        draw(picture, seen, output / drawn_name(path, paths))
        everything[str(path)] = plain(seen)
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(everything, indent=1) + "\n"
    (output / "predictions.json").write_text(text)
    print(f"{len(everything)} pictures drawn in {output}, answers in predictions.json")
    if unread:
        sys.exit("error: not read:\n  " + "\n  ".join(unread))


if __name__ == "__main__":
    program.run(main)
