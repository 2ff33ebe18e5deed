"""Flags of how pictures with boxes vary in training."""

import inspect
import re

from absl import flags

from kzoo.data.augmentation import detection
from kzoo.data.augmentation.copy_paste import CopyPaste
from kzoo.data.augmentation.mosaic import Mosaic, Plain
from kzoo.data.augmentation.perspective import Perspective
from kzoo.data.augmentation.ssd_crops import SsdCrops
from kzoo.data.batching import Closing
from kzoo.models.registry import parse
from recipes import common

KINDS = {
    "usual": detection.augmentation,
    "perspective": Perspective,
    "mosaic": Mosaic,
    "ssd": SsdCrops,
}
COPY_PASTE = flags.DEFINE_float(
    "copy_paste",
    0.0,
    "Probability that objects of another picture are pasted in; needs masks.",
    lower_bound=0,
    upper_bound=1,
)
CLOSING_EPOCHS = flags.DEFINE_float(
    "closing_epochs",
    None,
    "Last epochs, in which there is no mosaic; by default a twentieth of the run, as "
    "YOLOX has 15 of 300.",
    lower_bound=0,
)
MAX_BOXES = flags.DEFINE_integer(
    "max_boxes",
    None,
    "Rows for boxes; by default enough for any picture. A mosaic keeps its largest.",
    lower_bound=1,
)
SIZES = flags.DEFINE_list(
    "sizes",
    [],
    "Sides of pictures to train at, another every ten batches, as 128,160,192 or "
    "128x192,160x224 (height x width); by default --image_size, at which it is "
    "evaluated in any case.",
)
flags.register_validator(
    "sizes",
    lambda sizes: all(re.fullmatch("[1-9][0-9]*(x[1-9][0-9]*)?", s) for s in sizes),
    "--sizes takes sides or heights x widths, in pixels: 128,160 or 96x128,128x160",
)


def check_flags():
    """Names and arguments that do not exist, before anything slow."""
    varied((32, 32))


def sizes():
    """(height, width) of each of --sizes."""
    sides = [[int(side) for side in size.split("x")] for size in SIZES.value]
    return [(size[0], size[-1]) for size in sides]


def varied(size, learn=None):
    """What `kzoo.data.batches` takes for these flags, beside seed and place.

    Args:
      size: (H, W).
      learn: the source of a run whose last epochs are to have no mosaic.
    """
    kind = augment = _augment(size)
    if COPY_PASTE.value:
        if not callable(kind):
            raise ValueError(
                "--copy_paste is for pictures that vary: no --augment=none"
            )
        augment = CopyPaste(kind, COPY_PASTE.value)
    if learn and isinstance(kind, Mosaic) and CLOSING_EPOCHS.value != 0:
        augment = Closing(augment, *_closing(kind, learn))
    return {"augment": augment, "max_boxes": MAX_BOXES.value}


def _augment(size):
    name, stated = _parse(common.AUGMENT.value)
    if name in KINDS:
        return _made(name, size, {"vertical": common.VERTICAL_FLIP.value, **stated})
    _refuse(name, stated)
    return common.augmentation(size)


def _closing(mosaic, learn):
    """How a run with mosaics ends, and from which step on."""
    steps = common.steps_of(learn)
    last = steps / 20
    if CLOSING_EPOCHS.value is not None:
        last = CLOSING_EPOCHS.value * len(learn) / common.BATCH_SIZE.value
    flips = (mosaic.horizontal, mosaic.vertical)
    plain = Plain(mosaic.image_size, *flips, mosaic.colour)
    return plain, max(0, steps - round(last))


def _parse(text):
    try:
        return parse(text)
    except ValueError:
        raise ValueError(
            f"--augment: {text!r} is not understood; say a name or "
            "name(argument=value, ...), for example mosaic(scale=(0.1, 2.0))"
        ) from None


def _refuse(name, stated):
    """An error, unless it is a name for every task."""
    others = ("none", "keras_cv")
    if name not in others:
        raise ValueError(
            f"--augment: no augmentation {name!r}; kzoo has "
            f"{', '.join((*KINDS, *others))}"
        )
    if stated:
        raise ValueError(f"--augment: {name} has no arguments")


def _made(name, size, stated):
    known = list(inspect.signature(KINDS[name]).parameters)[1:]
    for argument in stated:
        if argument not in known:
            raise ValueError(
                f"--augment: {name} has no argument {argument!r}; it has "
                f"{', '.join(known)}"
            )
    return KINDS[name](size, **stated)
