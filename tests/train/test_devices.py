"""One device, two devices and two processes train the same model.

What can be equal: float32 numbers that are added in another order differ in their last
bit or two, hence 1e-6. In half precision each device rounds its own gradients to 8
(bfloat16) or 11 (float16) bits before they are added, so there it is two units of that
rounding; two devices of one process and two processes are much nearer to each other.
"""

import numpy as np
import pytest

from kzoo import train
from kzoo.train import devices
from tests.train import processes, tiny

FLOAT32 = [(kind, "float32", {}) for kind in tiny.MODELS] + [
    # Clipped by the norm over all devices, in parts of parts of the batch.
    ("dropout", "float32", {"clip_norm": 0.5, "micro_batches": 2}),
    # MixUp and CutMix, whose pairs and shares are those of one device.
    ("batch_norm", "float32", {"mixed": True}),
]
HALF = [
    (kind, precision, {})
    for kind in tiny.MODELS
    for precision in ("mixed_bfloat16", "mixed_float16")
]
TOLERANCES = {"float32": 1e-6, "mixed_bfloat16": 2 * 2**-9, "mixed_float16": 2 * 2**-12}


def learnt(folder, cases, steps=6):
    """Trains the cases three ways at once; {strategy: [arrays of each case]}."""
    run = folder, "one", cases, steps
    started = [processes.start("learn", *run, output=folder / "one.txt")]
    run = folder, "mirrored", cases, steps, 2
    started += [processes.start("learn", *run, output=folder / "mirrored.txt")]
    run = folder, "multiworker", cases, steps
    output = folder / "worker.txt"
    started += processes.start_workers(2, "learn", *run, output=output)
    codes = processes.finish(*started)
    texts = [path.read_text() for path in sorted(folder.glob("*.txt*"))]
    assert codes == [0] * 4, "\n".join(texts)
    return {
        name: [dict(np.load(folder / f"{name}_{i}.npz")) for i in range(len(cases))]
        for name in ("one", "mirrored", "multiworker")
    }


def assert_near(first, second, tolerance):
    """Within the tolerance, of 1 or of the largest number of an array."""
    assert first.keys() == second.keys()
    for name, array in first.items():
        largest = max(1.0, np.abs(array).max())
        # Keras takes the variance as a difference of means, where bits are lost.
        slack = 5 if "variance" in name else 1
        np.testing.assert_allclose(
            array, second[name], rtol=0, atol=slack * tolerance * largest, err_msg=name
        )


def check(found, cases):
    for i, (kind, precision, options) in enumerate(cases):
        assert len(found["one"][i]["losses"]) == 6
        for other in ("mirrored", "multiworker"):
            assert_near(found["one"][i], found[other][i], TOLERANCES[precision])


def test_one_device_is_two_devices_is_two_workers(tmp_path):
    check(learnt(tmp_path, FLOAT32), FLOAT32)


@pytest.mark.slow
def test_one_device_is_two_devices_is_two_workers_in_half_precision(tmp_path):
    check(learnt(tmp_path, HALF), HALF)


def test_the_models_learn_something(tmp_path):
    """Else all of them would be equal, and it would mean nothing."""
    cases = [("detector", "float32", {}), ("batch_norm", "float32", {})]
    run = tmp_path, "one", cases, 12
    assert processes.finish(processes.start("learn", *run, output=tmp_path / "o")) == [
        0
    ]
    for i in range(2):
        losses = np.load(tmp_path / f"one_{i}.npz")["losses"][:, 0]
        assert losses[-3:].mean() < losses[:3].mean()


def test_an_unknown_strategy_is_told_the_choices():
    with pytest.raises(
        ValueError, match="no strategy 'tpu'; kzoo has auto, one, mirro"
    ):
        train.strategy("tpu")


def test_multiworker_without_tf_config_says_what_sets_it(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="multiworker needs TF_CONFIG.*recipes.launch"):
        train.strategy("multiworker")


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_tf_config_that_cannot_be_read(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG is no JSON object: "):
        train.strategy("auto")


def test_one_process_is_the_chief_and_agrees_with_itself():
    strategy = train.strategy("auto")
    workers = devices.Workers(strategy)
    assert train.is_chief(strategy) and workers.count == 1
    assert workers.any(True) and not workers.any(False) and workers.agree(7)


def test_a_batch_that_devices_cannot_share_says_which_they_could():
    import tensorflow as tf

    with pytest.raises(ValueError, match="batch of 7 pictures .* by 2 devices; .* 6"):
        devices._cut(tf.zeros((7, 2)), 2)
