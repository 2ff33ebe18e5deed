"""Readers give back what PyTorch, Keras, Caffe and TensorFlow Lite wrote."""

import pathlib

import h5py
import keras
import ml_dtypes
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from keras import layers
from safetensors.numpy import save_file

from kzoo.weights.readers import read
from tests.golden import draw

FOLDER = pathlib.Path(__file__).parents[1] / "golden/readers"
# As tests/golden/make_readers.py has them.
SHAPES = {"a.weight": (4, 3, 2, 2), "b.weight": (5, 4), "c.weight": (6,)}


def assert_same(arrays, expected):
    assert set(arrays) == set(expected)
    for name, value in expected.items():
        assert arrays[name].dtype == value.dtype, name
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)


@pytest.mark.parametrize("file", ["zip.pth", "stream.pth"])
def test_pytorch_after_and_before_its_version_1_6(file):
    """Written by torch 2.13; a state dict within a checkpoint, "module." before all."""
    drawn = draw.weights(SHAPES)
    c = drawn["c.weight"]
    expected = drawn | {
        "parameter": 2 * c,
        "transposed": drawn["b.weight"].T,
        "late": np.float64([3, 5, 7]),
        "half": c.astype("float16"),
        "bfloat16": c.astype(ml_dtypes.bfloat16).astype("float32"),
        "integers": np.arange(-2, 3),
        "bytes": np.arange(5, dtype="uint8"),
        "truths": np.array([True, False]),
        "empty": np.zeros((0, 3), "float32"),
        "scalar": np.array(7),
    }
    assert_same(read(FOLDER / file), expected)


@pytest.mark.parametrize("ending", [".pt", ".th", ".pth.tar", ".PTH"])
def test_pytorch_files_have_many_endings(ending, tmp_path):
    path = tmp_path / f"file{ending}"
    path.write_bytes((FOLDER / "zip.pth").read_bytes())
    assert_same(read(path), read(FOLDER / "zip.pth"))


@pytest.fixture(scope="module")
def keras_model():
    """A layer of each kind that keras.applications have, two of them without a name."""
    layers.Conv2D(1, 1)  # counts: the model's automatic names do not begin at conv2d
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(images)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.DepthwiseConv2D(3, use_bias=False, name="depthwise")(x)
    x = layers.SeparableConv2D(4, 3, use_bias=False, name="separable")(x)
    x = layers.BatchNormalization(scale=False, name="unscaled")(x)
    x = layers.LayerNormalization(name="layer_norm")(x)
    x = layers.PReLU(shared_axes=(1, 2), name="prelu")(x)
    x = layers.Conv2D(3, 1)(x)
    x = layers.Conv2D(4, 1)(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(2, name="predictions")(x))
    drawn = draw.weights({w.path: tuple(w.shape) for w in model.weights})
    for weight in model.weights:
        weight.assign(drawn[weight.path])
    return model


@pytest.mark.parametrize("file", ["model.h5", "model.keras", "model.weights.h5"])
def test_keras_files(keras_model, file, tmp_path):
    if file == "model.weights.h5":
        keras_model.save_weights(tmp_path / file)
    else:
        keras_model.save(tmp_path / file)
    first, second = (x.name for x in keras_model.layers if x.name.startswith("conv2d"))
    paths = {f"{first}/": "conv2d/", f"{second}/": "conv2d_1/"}
    expected = {}
    for weight in keras_model.weights:
        layer, _, variable = weight.path.rpartition("/")
        name = f"{paths.get(f'{layer}/', f'{layer}/')}{variable}"
        expected[name] = weight.numpy()
    if file != "model.h5":
        # Numbers are all that these files have; `load` finds the variable by them.
        expected["prelu/0"] = expected.pop("prelu/alpha")
    assert_same(read(tmp_path / file), expected)


def legacy_file(path, groups):
    """As Keras 1 and 2 wrote: {layer: {name of a weight: array}}."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in groups]
        for layer, arrays in groups.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in arrays]
            for name, array in arrays.items():
                group[name] = array


def test_names_of_keras_1_and_2(tmp_path):
    one, two, three = np.ones(1), np.ones(2), np.ones(3)
    groups = {
        "block1_conv1": {"block1_conv1_W_1:0": one, "block1_conv1_b_1:0": two},
        "bn_conv1": {
            "bn_conv1_gamma:0": one,
            "bn_conv1_running_mean:0": two,
            "bn_conv1_running_std:0": three,
        },
        "conv1_conv": {"conv1_conv/kernel:0": three, "conv1_conv/bias:0": one},
        "conv1/bn": {"conv1/bn/gamma:0": one, "conv1/bn/moving_variance:0": two},
        "conv_dw_1": {"conv_dw_1_3/depthwise_kernel:0": one},
        "block2_sepconv1": {
            "block2_sepconv1/depthwise_kernel:0": two,
            "block2_sepconv1/pointwise_kernel:0": three,
        },
        "activation": {},
        "conv2d_10": {"conv2d_10/kernel:0": three},
        "conv2d_9": {"conv2d_9/kernel:0": two},
        "model_1": {"inner/a/kernel:0": one, "inner/b/kernel:0": two},
    }
    legacy_file(tmp_path / "old.h5", groups)
    expected = {
        "block1_conv1/kernel": one,
        "block1_conv1/bias": two,
        "bn_conv1/gamma": one,
        "bn_conv1/moving_mean": two,
        "bn_conv1/moving_variance": three,
        "conv1_conv/kernel": three,
        "conv1_conv/bias": one,
        "conv1_bn/gamma": one,
        "conv1_bn/moving_variance": two,
        "conv_dw_1/kernel": one,
        "block2_sepconv1/depthwise_kernel": two,
        "block2_sepconv1/pointwise_kernel": three,
        "conv2d/kernel": two,
        "conv2d_1/kernel": three,
        "inner_a/kernel": one,
        "inner_b/kernel": two,
    }
    assert_same(read(tmp_path / "old.h5"), expected)


def test_names_of_a_wide_keras_file_are_in_parts(tmp_path):
    legacy_file(tmp_path / "old.h5", {"conv": {"conv/kernel:0": np.ones(2)}})
    with h5py.File(tmp_path / "old.h5", "a") as file:
        del file.attrs["layer_names"]
        file.attrs["layer_names0"] = [b"conv"]
        file.attrs["layer_names1"] = [b"last"]
        file.create_group("last").attrs["weight_names"] = [b"last/bias:0"]
        file["last"]["last/bias:0"] = np.zeros(1)
    expected = {"conv/kernel": np.ones(2), "last/bias": np.zeros(1)}
    assert_same(read(tmp_path / "old.h5"), expected)


def test_npz_and_safetensors(tmp_path):
    arrays = draw.weights(SHAPES)
    arrays["half"] = arrays["c.weight"].astype("float16")
    np.savez_compressed(tmp_path / "file.npz", **arrays)
    save_file(arrays, tmp_path / "file.safetensors")
    assert_same(read(tmp_path / "file.npz"), arrays)
    assert_same(read(tmp_path / "file.safetensors"), arrays)


# The fields of caffe.proto that hold weights: message, field, number, kind, repeated.
_PROTO = """
    NetParameter name 1 STRING -, NetParameter layers 2 Old *,
    NetParameter layer 100 Layer *, Old name 4 STRING -, Old type 5 INT32 -,
    Old blobs 6 Blob *, Layer name 1 STRING -, Layer type 2 STRING -,
    Layer blobs 7 Blob *, Blob num 1 INT32 -, Blob channels 2 INT32 -,
    Blob height 3 INT32 -, Blob width 4 INT32 -, Blob data 5 FLOAT *,
    Blob diff 6 FLOAT *, Blob shape 7 Shape -, Blob double_data 8 DOUBLE *,
    Shape dim 1 INT64 *
"""


@pytest.fixture(scope="module")
def caffe():
    """The class NetParameter, of Google's own protobuf."""
    file = descriptor_pb2.FileDescriptorProto(name="kzoo_test.proto", package="kzoo")
    kinds = descriptor_pb2.FieldDescriptorProto
    for row in _PROTO.split(","):
        message, name, number, kind, star = row.split()
        found = [m for m in file.message_type if m.name == message]
        owner = found[0] if found else file.message_type.add(name=message)
        field = owner.field.add(name=name, number=int(number))
        field.label = kinds.LABEL_REPEATED if star == "*" else kinds.LABEL_OPTIONAL
        field.type = getattr(kinds, f"TYPE_{kind}", kinds.TYPE_MESSAGE)
        if field.type == kinds.TYPE_MESSAGE:
            field.type_name = f".kzoo.{kind}"
        field.options.packed = star == "*" and kind in ("FLOAT", "DOUBLE", "INT64")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("kzoo.NetParameter")
    return message_factory.GetMessageClass(found)


def numbers(*shape):
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def test_caffe_layers_of_today(caffe, tmp_path):
    net = caffe(name="net")
    net.layer.add(name="data", type="Data")
    layer = net.layer.add(name="conv1/7x7", type="Convolution")
    weights, bias = layer.blobs.add(), layer.blobs.add()
    weights.data.extend(numbers(2, 3, 1, 4).ravel())
    weights.diff.extend(numbers(24))
    weights.shape.dim.extend([2, 3, 1, 4])
    bias.double_data.extend([0.1, 0.2])
    bias.shape.dim.extend([2])
    (tmp_path / "net.caffemodel").write_bytes(net.SerializeToString())
    expected = {"conv1/7x7/0": numbers(2, 3, 1, 4), "conv1/7x7/1": np.array([0.1, 0.2])}
    assert_same(read(tmp_path / "net.caffemodel"), expected)


def test_caffe_layers_of_2013_have_four_sides(caffe, tmp_path):
    net = caffe()
    for name, kind, shape in (
        ("conv1", 4, (1, 1, 3, 3)),
        ("fc6", 14, (1, 1, 5, 9)),
    ):
        layer = net.layers.add(name=name, type=kind)
        for sides in (shape, (1, 1, 1, 5)):
            blob = layer.blobs.add(data=numbers(*sides).ravel())
            blob.num, blob.channels, blob.height, blob.width = sides
    (tmp_path / "net.caffemodel").write_bytes(net.SerializeToString())
    expected = {
        "conv1/0": numbers(1, 1, 3, 3),
        "conv1/1": numbers(5),
        "fc6/0": numbers(5, 9),
        "fc6/1": numbers(5),
    }
    assert_same(read(tmp_path / "net.caffemodel"), expected)


@pytest.mark.parametrize(
    "kind, tolerance", [("float32", 0), ("float16", 1e-3), ("int8", 1e-2)]
)
def test_tflite(kind, tolerance, tmp_path):
    """Kernels come out as Keras had them, to the precision of the file."""
    import tensorflow as tf

    images = keras.Input((6, 6, 3), batch_size=1)
    x = layers.Conv2D(16, 3, activation="relu", name="conv")(images)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.Dense(100, name="logits")(layers.Flatten()(x))
    model = keras.Model(images, x)
    for weight in model.weights:
        rng = np.random.default_rng(len(weight.shape))
        weight.assign(rng.uniform(-1, 1, weight.shape))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    arrays = read(tmp_path / "model.tflite")
    kernels = [layer.kernel.numpy() for layer in model.layers if layer.weights]
    expected = {
        "00:CONV_2D:w": kernels[0].transpose(3, 0, 1, 2),
        "01:DEPTHWISE_CONV_2D:w": kernels[1].transpose(3, 0, 1, 2),
        "02:FULLY_CONNECTED:w": kernels[2].T,
        "00:CONV_2D:b": model.layers[1].bias.numpy(),
    }
    assert expected.keys() <= arrays.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(arrays[name], value, atol=tolerance, err_msg=name)
