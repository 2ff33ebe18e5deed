"""TFLite: what phones ask of a file, read from the file itself."""

import zipfile

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers, ops

from kzoo import deploy
from kzoo.deploy import flatbuffer
from kzoo.models.base import Model
from kzoo.tasks.classification import Classification

PRECISIONS = list(deploy.PRECISIONS)
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@pytest.fixture(scope="module")
def interpreter(file):
    def start(precision, nms=True):
        # Without delegates an operator keeps its own name.
        return Interpreter(str(file(f"tflite_{precision}", nms)), num_threads=1)

    return start


def operators(interpreter):
    """(name, dtypes of inputs, dtypes of outputs) of each operator."""
    types = {t["index"]: t["dtype"].__name__ for t in interpreter.get_tensor_details()}
    return [
        (
            operator["op_name"],
            [types[i] for i in operator["inputs"] if i >= 0],
            [types[i] for i in operator["outputs"]],
        )
        for operator in interpreter._get_ops_details()
        if operator["op_name"] != "DELEGATE"
    ]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_only_builtins(precision, file):
    model = flatbuffer.read(file(f"tflite_{precision}").read_bytes())
    assert model.operatorCodes
    assert [code.customCode for code in model.operatorCodes if code.customCode] == []


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_shape_is_known(precision, interpreter):
    for tensor in interpreter(precision).get_tensor_details():
        assert -1 not in tensor["shape_signature"], tensor["name"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_number_is_wider_than_32_bits(precision, interpreter):
    wide = {"float64", "complex64", "complex128", "uint64"}
    for tensor in interpreter(precision).get_tensor_details():
        assert tensor["dtype"].__name__ not in wide, tensor["name"]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("nms", [True, False])
def test_inputs_and_outputs_have_the_promised_names(precision, nms, interpreter):
    lite = interpreter(precision, nms)
    names = ["boxes", "scores", "classes", "count"][: 4 if nms else 2]
    (signature,) = lite.get_signature_list().values()
    assert signature["inputs"] == ["images"]
    assert sorted(signature["outputs"]) == sorted(names)
    # For runtimes without signatures: the tensors' own names, in this order.
    assert [output["name"] for output in lite.get_output_details()] == names
    (images,) = lite.get_input_details()
    assert images["name"] == "images"
    assert images["shape"].tolist() == [1, 64, 96, 3]
    assert images["dtype"] is np.uint8
    types = [output["dtype"].__name__ for output in lite.get_output_details()]
    assert types == ["float32", "float32", "int32", "int32"][: len(names)]


def test_precision_shows_in_the_size(file, model):
    """Of a small network's file most is no weight: 4, 2 and 1 bytes are seen apart."""
    size = {p: deploy.size_of(file(f"tflite_{p}")) for p in PRECISIONS}
    kernels = sum(np.prod(v.shape) for v in model.variables if "kernel" in v.path)
    assert size["float32"] - size["float16"] == pytest.approx(2 * kernels, rel=0.15)
    assert size["dynamic"] < size["float16"]


def test_int8_has_an_int8_body(interpreter):
    found = [op for op in operators(interpreter("int8")) if op[0] in CONVOLUTIONS]
    assert len(found) == 8
    for name, inputs, outputs in found:
        assert inputs[:2] == ["int8", "int8"], (name, inputs)
        assert outputs == ["int8"]


def test_int8_decodes_and_suppresses_in_float(interpreter):
    names = {"EXP", "LOGISTIC", "TOPK_V2", "NON_MAX_SUPPRESSION_V4"}
    found = [op for op in operators(interpreter("int8")) if op[0] in names]
    assert {name for name, _, _ in found} == names
    for name, inputs, outputs in found:
        assert "int8" not in [*inputs, *outputs], name


def test_int8_quantises_scores_and_boxes_apart(interpreter):
    """Two tensors come out of the body, each with its own scale."""
    lite = interpreter("int8", nms=False)
    scales = {t["index"]: t["quantization"][0] for t in lite.get_tensor_details()}
    left = [op for op in lite._get_ops_details() if op["op_name"] == "DEQUANTIZE"]
    assert len({scales[op["inputs"][0]] for op in left}) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda pictures: iter(pictures),
        lambda pictures: np.stack(pictures)[None, ...][0],
        lambda pictures: (pictures[i : i + 50] for i in (0, 50)),
        lambda pictures: [picture[:50].astype("float32") for picture in pictures],
    ],
    ids=["generator", "array", "batches", "floats of another size"],
)
def test_calibration_comes_in_any_wrapping(make, calibration):
    from kzoo.deploy.to_tflite import _calibration

    found = _calibration(make(calibration), (64, 96), fewer_ok=False)
    assert len(found) == 100
    assert {(x.shape, x.dtype.name) for x in found} == {((64, 96, 3), "uint8")}


def test_too_few_pictures_are_refused_unless_told(classifier, calibration, tmp_path):
    path, few = tmp_path / "x.tflite", calibration[:99]
    with pytest.raises(ValueError, match="99 different.*pictures.*at least 100"):
        deploy.tflite(classifier, path, "int8", few)
    with pytest.raises(ValueError, match="1 different.*pictures.*at least 100"):
        deploy.tflite(classifier, path, "int8", [few[0]] * 200)
    deploy.tflite(classifier, path, "int8", calibration[:2], fewer_ok=True)
    with pytest.raises(ValueError, match="no calibration pictures"):
        deploy.tflite(classifier, path, "int8", [], fewer_ok=True)
    with pytest.raises(ValueError, match="int8 needs calibration"):
        deploy.tflite(classifier, path, "int8")


def test_pictures_that_are_none_are_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"calibration pictures are .* \(64, 96\)"):
        deploy.tflite(model, tmp_path / "x", "int8", [np.zeros((64, 96), np.uint8)])


def test_an_unknown_precision_names_those_there_are(model, tmp_path):
    with pytest.raises(ValueError, match="'int4'.*float32, float16, dynamic, int8"):
        deploy.tflite(model, tmp_path / "x.tflite", "int4")


def test_an_operation_that_is_no_builtin_is_named_with_its_layer(tmp_path):
    class Odd(layers.Layer):
        def call(self, x):
            return ops.erf(x)

    images = keras.Input((4, 4, 3), name="images")
    x = layers.Flatten()(Odd(name="strange")(images))
    model = Model(images, layers.Dense(2)(x), name="odd")
    model.task = Classification(2)
    with pytest.raises(ValueError, match="no TFLite builtin: Erf.*strange"):
        deploy.tflite(model, tmp_path / "x.tflite")
    assert not (tmp_path / "x.tflite").exists()


def test_labels_lie_in_the_file_as_mobile_tools_expect(file):
    with zipfile.ZipFile(file("tflite_float32")) as archive:
        labels = archive.read("labels.txt").decode()
    assert labels.splitlines() == ["cat", "dog", "traffic light"]


def test_joined_files_give_what_they_give_one_after_the_other(model, pictures):
    from kzoo.deploy import graphs, to_tflite

    first = to_tflite._convert(graphs.body(model), model)
    second = to_tflite._convert(graphs.tail(model), model)
    joined = Interpreter(model_content=flatbuffer.join(first, second))
    first = Interpreter(model_content=first).get_signature_runner()
    second = Interpreter(model_content=second).get_signature_runner()
    for picture in pictures[:2]:
        expected = second(**first(images=picture[None]))
        found = joined.get_signature_runner()(images=picture[None])
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value)
