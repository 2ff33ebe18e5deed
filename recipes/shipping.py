"""What training recipes do with a finished model: files that ship, and their scores."""

from absl import flags
from tqdm import tqdm

import kzoo

EXPORT = flags.DEFINE_list(
    "export",
    list(kzoo.deploy.FORMATS),
    f"Formats of the files that ship, of {', '.join(kzoo.deploy.FORMATS)}; empty for "
    "none.",
)
# Pictures whose activations tell int8 its ranges.
CALIBRATION = 200
# Pictures that each file is measured on, at most.
MEASURED = 2000


def check_flags():
    for name in EXPORT.value:
        if name not in kzoo.deploy.FORMATS:
            raise ValueError(
                f"--export: no format {name!r}; "
                f"kzoo has {', '.join(kzoo.deploy.FORMATS)}"
            )


def ship(model, learn, check, folder, score):
    """Writes each format of --export, measures it, and returns the report's rows.

    Args:
      learn, check: sources to calibrate int8 with and to measure on.
      score: the name of the score that is told, "mAP" or "top1".
    """
    if not EXPORT.value:
        return {}
    examples = list(check.read(range(min(MEASURED, len(check)))))
    pictures = [example.pop("image") for example in examples]
    if model.task.name == "classification":
        examples = [example["label"] for example in examples]
    some = range(min(CALIBRATION, len(learn)))
    calibration = [example["image"] for example in learn.read(some)]
    if len(some) < 100 and "tflite_int8" in EXPORT.value:
        print(f"int8 is calibrated by {len(some)} pictures alone, and 100 would be few")
    paths = []
    for name in tqdm(EXPORT.value, desc="export", leave=False, disable=None):
        path = kzoo.deploy.write(model, name, folder, calibration, fewer_ok=True)
        paths.append(path)
    rows = kzoo.deploy.measure(model, paths, pictures, examples)
    for name, row in zip(EXPORT.value, rows):
        print(
            f"{name:16} {row['bytes'] / 1e6:7.2f} MB   error {row['max_error']:.1e}   "
            f"{score} {row[score] or 0:.4f}   {row['ms']:.1f} ms a picture"
        )
    kept = (score, "max_error", "bytes", "ms")
    return {
        name: {key: row[key] for key in kept} for name, row in zip(EXPORT.value, rows)
    }
