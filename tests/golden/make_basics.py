"""python -m tests.golden.make_basics: neighbours by loops, matrices by NumPy."""

import numpy as np

from tests.golden import draw, reference

SIZE = (8, 10)
# Enough examples that not all are looked at in one go.
EXAMPLES, CLASSES, K = 230, 10, 3


def pixels():
    """(2, D) float64, -1..1."""
    pictures = draw.pictures(2, *SIZE).astype("float64")
    return pictures.reshape(2, -1) / 127.5 - 1


def distance(a, b, kind):
    total = 0.0
    for x, y in zip(a, b):
        total += abs(x - y) if kind == "l1" else (x - y) ** 2
    return total


def neighbours(kind):
    x = pixels()
    shapes = {
        "examples/kernel": (EXAMPLES, x.shape[1]),
        "logits/kernel": (EXAMPLES, CLASSES),
    }
    drawn = draw.weights(shapes)
    examples, labels = (drawn[name].astype("float64") for name in shapes)
    logits = np.empty((2, CLASSES))
    for row in range(2):
        order = sorted(
            range(EXAMPLES), key=lambda i: distance(x[row], examples[i], kind)
        )
        votes = sum(labels[i] for i in order[:K])
        logits[row] = np.log(np.maximum(votes / K, 1e-7))
    arguments = {"k": K, "distance": kind, "examples": EXAMPLES}
    version = f"a slow loop over {EXAMPLES} examples"
    reference.write(
        f"nearest_neighbour_{kind}",
        version,
        shapes,
        logits,
        builder="nearest_neighbour",
        arguments=arguments,
        size=SIZE,
    )


def matrices(name, sizes):
    """`sizes` of the layers, {layer: outputs}; ReLU between them."""
    x, shapes = pixels(), {}
    for layer, outputs in sizes.items():
        own = {f"{layer}/kernel": (x.shape[1], outputs), f"{layer}/bias": (outputs,)}
        shapes |= own
        kernel, bias = draw.weights(own).values()
        x = x @ kernel + bias
        if layer != "logits":
            x = np.maximum(x, 0)
    reference.write(name, "NumPy in float64", shapes, x, size=SIZE)


if __name__ == "__main__":
    neighbours("l1")
    neighbours("l2")
    matrices("linear_classifier", {"logits": CLASSES})
    matrices("two_layer_network", {"hidden_dense": 100, "logits": CLASSES})
