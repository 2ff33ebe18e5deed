"""ONNX: what runtimes ask of a file, read from the file itself."""

import collections

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from kzoo import deploy
from kzoo.models.blocks import classifier
from kzoo.preprocessing import Preprocess


@pytest.fixture(scope="module")
def graph(file):
    def load(nms=True):
        return onnx.load(str(file("onnx", nms)))

    return load


def nodes(graph):
    """All nodes, also those of loops and branches."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from nodes(attribute.g)


@pytest.mark.parametrize("nms", [True, False])
def test_the_checker_accepts_it(nms, graph):
    model = graph(nms)
    onnx.checker.check_model(model, full_check=True)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    assert versions[""] == 17


@pytest.mark.parametrize("nms", [True, False])
def test_pictures_are_the_only_input(nms, graph):
    """Tensors that were captured from outside would be inputs too."""
    (images,) = graph(nms).graph.input
    shape = [x.dim_value for x in images.type.tensor_type.shape.dim]
    assert images.name == "images"
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert shape == [0, 0, 0, 3]


def test_outputs_have_the_promised_names(graph):
    names = [output.name for output in graph().graph.output]
    assert sorted(names) == ["boxes", "classes", "count", "scores"]
    names = [output.name for output in graph(nms=False).graph.output]
    assert sorted(names) == ["boxes", "scores"]


@pytest.mark.parametrize("nms", [True, False])
def test_no_tensor_is_float64(nms, graph):
    inferred = onnx.shape_inference.infer_shapes(graph(nms)).graph
    values = [*inferred.value_info, *inferred.input, *inferred.output]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types |= {tensor.name: tensor.data_type for tensor in inferred.initializer}
    for node in nodes(inferred):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                types[node.name] = attribute.t.data_type
            if node.op_type == "Cast" and attribute.name == "to":
                types[node.name] = attribute.i
    assert len(types) > 20
    double = onnx.TensorProto.DOUBLE
    assert [name for name, kind in types.items() if kind == double] == []


def test_nms_is_one_operation_and_can_be_left_out(graph):
    inside = collections.Counter(node.op_type for node in nodes(graph().graph))
    outside = collections.Counter(node.op_type for node in nodes(graph(False).graph))
    assert inside["NonMaxSuppression"] == 1
    assert outside["NonMaxSuppression"] == outside["Loop"] == outside["TopK"] == 0


def test_no_transpose_between_the_layers(file, tmp_path):
    """After onnxruntime's optimiser: one into the body, one out of each of its ends.

    Four ends: class logits and deltas of two levels.
    """
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    )
    path = str(file("onnx", nms=False))
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    optimised = onnx.load(options.optimized_model_filepath)
    kinds = collections.Counter(node.op_type for node in nodes(optimised.graph))
    assert kinds["Conv"] + kinds["FusedConv"] == 8
    assert kinds["Transpose"] <= 1 + 4 + 1


def test_pictures_of_a_batch_do_not_know_each_other(file, pictures):
    session = onnxruntime.InferenceSession(
        str(file("onnx")), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def run(images):
        return dict(zip(names, session.run(names, {"images": images})))

    together = run(np.stack(pictures[:3]))
    for row, picture in enumerate(pictures[:3]):
        for name, value in run(picture[None]).items():
            np.testing.assert_allclose(value[0], together[name][row], atol=1e-4)


def test_labels_lie_in_the_files_properties(graph):
    properties = {entry.key: entry.value for entry in graph().metadata_props}
    assert properties["labels"].splitlines() == ["cat", "dog", "traffic light"]


def test_a_file_that_kzoo_did_not_write_says_so(tmp_path):
    path = tmp_path / "other.onnx"
    tensor = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([node], "other", [tensor], [out])
    onnx.save(onnx.helper.make_model(graph), str(path))
    with pytest.raises(ValueError, match="other.onnx carries no metadata of kzoo"):
        deploy.open(path)


def test_zeros_around_a_picture_count_in_a_maximum(tmp_path):
    """ONNX Runtime takes them for padding, which is below all numbers."""
    images = keras.Input((8, 8, 3), name="images")
    x = Preprocess("torch", name="preprocess")(images)
    below = keras.initializers.Constant(-9.0)
    x = keras.layers.Conv2D(3, 3, padding="same", bias_initializer=below)(x)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    model = classifier(images, {}, x, 4, "pooled")
    pictures = np.zeros((1, 8, 8, 3), "uint8")
    expected = model.task.results(model(pictures, training=False))["scores"]
    file = deploy.onnx(model, tmp_path / "model.onnx")
    (found,) = deploy.open(file)(list(pictures))
    np.testing.assert_allclose(found["scores"], expected[0], atol=1e-6)
