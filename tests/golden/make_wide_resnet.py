"""python -m tests.golden.make_wide_resnet FOLDER: the authors' WRN-28-10.

FOLDER is "pytorch" of github.com/szagoruyko/wide-residual-networks.
"""

import sys

import torch

from tests.golden import draw, reference

# Its pooling takes an 8 x 8 map, which these sides have behind two strides.
SIZE = (29, 31)
NAME = "wide_resnet28_10"


def make():
    from resnet import resnet  # the authors'

    function, parameters = resnet(depth=28, width=10, num_classes=10)
    shapes = {name: tuple(x.shape) for name, x in parameters.items()}
    drawn = draw.weights(shapes)
    weights = {name: torch.from_numpy(x) for name, x in drawn.items()}
    pictures = reference.tensor(draw.pictures(2, *SIZE))
    logits = function(pictures, weights, False).numpy()
    source = "szagoruyko/wide-residual-networks pytorch/resnet.py"
    reference.write(NAME, source, shapes, logits, size=SIZE)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    with torch.inference_mode():
        make()
