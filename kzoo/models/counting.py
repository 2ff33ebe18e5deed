"""How much a model computes and how large it is, counted as publishers count."""

import math

import keras


def parameters(model):
    """Trainable weights: batch norms' statistics are not counted."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def multiply_adds(model):
    """Multiply-adds of a picture, of convolutions and matrices alone.

    A kernel costs its size once for each position that it is applied to; biases,
    normalizations, activations and poolings count nothing, as in the papers.

    Raises:
      ValueError: if the model's input has no fixed size.
    """
    if None in model.input_shape[1:]:
        raise ValueError(
            f"{model.name} takes pictures of any size, {model.input_shape[1:]}; "
            "multiply-adds are counted for one"
        )
    return sum(
        _of_call(layer, node.input_tensors[0].shape, node.output_tensors[0].shape)
        for layer in model.layers
        for node in _nodes(model, layer)
    )


def _nodes(model, layer):
    """The calls of `layer` that are part of `model`: layers can be shared by models."""
    nodes = {id(node) for depth in model._nodes_by_depth.values() for node in depth}
    calls = [node for node in layer._inbound_nodes if id(node) in nodes]
    return [node for node in calls if not node.is_input]


def _of_call(layer, inputs, outputs):
    if hasattr(layer, "multiply_adds"):  # ours, where a matrix is not a kernel
        return layer.multiply_adds(inputs, outputs)
    if isinstance(layer, keras.layers.SeparableConv2D):
        kernels = math.prod(layer.depthwise_kernel.shape)
        return (kernels + math.prod(layer.pointwise_kernel.shape)) * _positions(outputs)
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return math.prod(layer.kernel.shape) * _positions(inputs)
    if hasattr(layer, "kernel"):
        return math.prod(layer.kernel.shape) * _positions(outputs)
    return 0


def _positions(shape):
    return math.prod(shape[1:-1])
