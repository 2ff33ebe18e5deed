"""The graphs that ship: from a raw picture to what a person wants to know.

Every one of them calls the model with training=False; nothing else may.
"""

import keras
import tensorflow as tf

from kzoo.ops.images import letterbox

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "kzoo.deploy writes files with TensorFlow, and Keras runs on "
        f"{keras.backend.backend()} here: set KERAS_BACKEND=tensorflow. kzoo.load "
        "reads models that other backends saved"
    )

# Files name the tensors that hold the network's own outputs so; see kzoo.deploy.raw.
RAW = "raw_"
_ANY_PICTURES = tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")


def serving(model, nms=True):
    """A tf.function from pictures (B, h, w, 3) uint8 of any size to results.

    Pictures are letterboxed to the size that the network takes, and boxes come back
    in the pictures' own pixels.

    Args:
      model: a kzoo model with a task and a fixed input size.
      nms: False gives every anchor's "boxes" (B, N, 4) and "scores" (B, N, K) instead
        of "boxes" (B, D, 4), "scores" (B, D), "classes" (B, D) int32 and "count" (B,)
        int32, for runtimes that have no NMS or want their own.

    Raises:
      ValueError: for a model without a task or without a fixed input size.
    """
    run = _on_any_pictures(model, nms)
    return _function(_ANY_PICTURES, lambda images: run(images)[0])


def raw_serving(model):
    """As `serving`, to the raw outputs: a dict, {"outputs": ...} of a single one."""
    run = _on_any_pictures(model, nms=False)
    return _function(_ANY_PICTURES, lambda images: run(images)[1])


def serving_with_raw(model, nms):
    """As `serving`, with the raw outputs beside the results, named `RAW` + name."""
    run = _on_any_pictures(model, nms)

    def both(images):
        answer, raw = run(images)
        return answer | {RAW + name: output for name, output in raw.items()}

    return _function(_ANY_PICTURES, both)


def _on_any_pictures(model, nms):
    """f(images) -> (results, raw outputs), of pictures (B, h, w, 3)."""
    size = network_size(model)
    model = in_float32(model)

    def run(images):
        resized, scale = letterbox(images, *size)
        resized = tf.ensure_shape(resized, (None, *size, 3))
        outputs = _named(model(resized, training=False))
        answer = results(model.task, outputs, size, nms)
        if "boxes" in answer:
            answer["boxes"] = _to_picture(answer["boxes"], scale, tf.shape(images)[1:3])
        return answer, outputs

    return run


def body(model):
    """From one picture of the network's own size, (1, H, W, 3) uint8, to raw outputs:
    the part of a TFLite file that bears quantisation."""
    model = in_float32(model)
    picture = tf.TensorSpec((1, *network_size(model), 3), tf.uint8, name="images")

    def serve(images):
        return _named(model(tf.cast(images, tf.float32), training=False))

    return _function(picture, serve)


def tail(model, nms=True):
    """From raw outputs of one picture to results: the part that does not."""
    model = in_float32(model)
    size = network_size(model)
    specs = {
        name: tf.TensorSpec((1, *output.shape[1:]), output.dtype, name)
        for name, output in _named(model.output).items()
    }
    return _function(specs, lambda outputs: results(model.task, outputs, size, nms))


def results(task, outputs, size, nms):
    """What the task makes of raw outputs, or each anchor's box and scores."""
    if isinstance(outputs, dict) and set(outputs) == {"outputs"}:
        outputs = outputs["outputs"]
    if nms or task.name != "detection":
        return task.results(outputs, image_size=size)
    return task.candidates(outputs, size)


def _named(outputs):
    """A dict of the raw outputs; without those that only help to learn."""
    if not isinstance(outputs, dict):
        return {"outputs": outputs}
    return {k: x for k, x in outputs.items() if not k.startswith("auxiliary")}


def network_size(model):
    """(height, width) of the images that `model` takes."""
    if getattr(model, "task", None) is None:
        raise ValueError(
            f"{model.name} has no task, so its outputs have no meaning yet"
        )
    size = model.input_shape[1:3]
    if None in size:
        raise ValueError(
            f"{model.name} takes pictures of any size; a file that ships has one size. "
            "Build the model with input_shape=(height, width, 3)"
        )
    return size


def in_float32(model):
    """`model`, or its twin in float32 if it computes in less: mobile and ONNX
    runtimes have no convolution in bfloat16."""
    if all(layer.compute_dtype == "float32" for layer in model._flatten_layers()):
        return model
    from kzoo.models import build

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        twin = build(model.spec.builder, **model.spec.arguments)
    finally:
        keras.config.set_dtype_policy(policy)
    twin.set_weights(model.get_weights())
    twin.task = model.task
    return twin


def save(model, path, **signatures):
    """Writes a SavedModel of tf.functions that use the variables of `model`."""
    module = tf.Module()
    # The variables themselves: of a Keras model that is only an attribute, the TFLite
    # converter leaves them unread and the file answers NaN.
    module.variables_of_model = [variable.value for variable in model.variables]
    module.functions = list(signatures.values())
    tf.saved_model.save(module, str(path), signatures=signatures)


def _function(signature, function):
    return tf.function(function, input_signature=[signature], autograph=False)


def _to_picture(boxes, scale, picture_size):
    """Boxes (B, n, 4) of a letterboxed image, in its picture and clipped to it."""
    height, width = tf.unstack(tf.cast(picture_size, tf.float32))
    edges = tf.stack([width, height, width, height])
    return tf.clip_by_value(boxes / tf.tile(scale, [2]), 0.0, edges)
