"""From a source string to checked examples to batches.

    source = kzoo.data.open("voc:FOLDER", "train")
    dataset = kzoo.data.batches(source, 8, (256, 256), training=True)

All of it is plain tf.data. Keras' and keras-cv's layers that move boxes are not used:
several are wrong (RandomCrop's boxes, RandAugment's, the padding rows), keras-cv makes
ragged tensors of them, and they reach a third of the speed of the ops used here.
"""

from kzoo.data.batching import batches, load, names_at, truths
from kzoo.data.checks import BadData
from kzoo.data.opening import open_source as open
from kzoo.data.pictures import read
from kzoo.data.source import Source

__all__ = ["BadData", "Source", "batches", "load", "names_at", "open", "read", "truths"]
