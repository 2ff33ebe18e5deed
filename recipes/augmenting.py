"""Flags of how pictures with a label vary in training."""

from absl import flags

from kzoo.data.augmentation.classification import CROPS, augmentation
from kzoo.data.augmentation.mixing import Mix
from kzoo.data.augmentation.random_augment import RandAugment
from kzoo.models.registry import parse
from recipes import common

CROP = flags.DEFINE_string(
    "crop",
    "resized",
    "How a picture comes to the network's size: resized(area=(0.25, 1.0), "
    "ratio=(0.75, 1.33)), scaled(sides=(256, 480)), padded(by=4, reflect=False) or "
    "whole.",
)
HORIZONTAL_FLIP = flags.DEFINE_float(
    "horizontal_flip",
    0.5,
    "Probability; 0 for digits and letters.",
    lower_bound=0,
    upper_bound=1,
)
COLOUR = flags.DEFINE_float(
    "colour", 0.2, "Strength of colour jitter; 0 for none.", lower_bound=0
)
LIGHTING = flags.DEFINE_float(
    "lighting", 0.0, "Krizhevsky's PCA noise; his is 0.1.", lower_bound=0
)
RAND_AUGMENT = flags.DEFINE_string(
    "rand_augment", None, "RandAugment, as (layers=2, magnitude=9, of=10)."
)
CUTOUT = flags.DEFINE_integer(
    "cutout", 0, "Side of the square that is taken out, pixels.", lower_bound=0
)
MIXUP = flags.DEFINE_float(
    "mixup", 0.0, "Alpha of MixUp; 0 for none, 0.2 is usual.", lower_bound=0
)
CUTMIX = flags.DEFINE_float(
    "cutmix", 0.0, "Alpha of CutMix; 0 for none, 1 is usual.", lower_bound=0
)


def crop():
    """What --crop says."""
    name, stated = parse(CROP.value)
    if name not in CROPS:
        raise ValueError(f"--crop: no crop {name!r}; kzoo has {', '.join(CROPS)}")
    return _made(CROPS[name], stated, "--crop", name)


def policy():
    """What --rand_augment says, or None."""
    if not RAND_AUGMENT.value:
        return None
    _, stated = parse(f"rand_augment{RAND_AUGMENT.value}")
    return _made(RandAugment, stated, "--rand_augment", "it")


def _made(kind, stated, flag, name):
    known = kind.__dataclass_fields__
    for argument in stated:
        if argument not in known:
            raise ValueError(
                f"{flag}: {name} has no argument {argument!r}; "
                f"it has {', '.join(known) or 'none'}"
            )
    return kind(**stated)


def varied(size, classes):
    """What `kzoo.data.batches` takes for these flags, beside seed and place."""
    return {"augment": augment(size), "mix": mix(classes)}


def augment(size):
    """What `kzoo.data.batches` takes for these flags."""
    if common.AUGMENT.value != "usual":
        return common.augmentation(size)
    return augmentation(
        size,
        crop(),
        flip=HORIZONTAL_FLIP.value,
        colour=COLOUR.value,
        lighting=LIGHTING.value,
        policy=policy(),
        cutout=CUTOUT.value,
    )


def mix(classes):
    """What mixes the pictures of a batch, or None."""
    if not (MIXUP.value or CUTMIX.value):
        return None
    return Mix(classes, MIXUP.value, CUTMIX.value)
