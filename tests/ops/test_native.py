"""The backend-specific operations."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from kzoo.ops import native

TWO_REPLICAS = """
import tensorflow as tf

cpu, = tf.config.list_physical_devices("CPU")
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)

from kzoo.ops.native import global_sum

strategy = tf.distribute.MirroredStrategy(
    ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
)

@tf.function
def run():
    def replica():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return global_sum(tf.cast(number + 1, "float32"))

    return strategy.run(replica)

print([float(x) for x in run().values], float(global_sum(tf.constant(5.0))))
"""


def test_argmax_is_the_first_of_a_tie():
    rows = [[1, 3, 3], [2, 2, 2], [-1, -5, -1], [0.0, -0.0, -1]]
    np.testing.assert_array_equal(native.argmax(tf.constant(rows)), [1, 0, 0, 0])


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 4)])
def test_take_rows_is_indexing(shape):
    values = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    index = np.array([[4, 0, 4], [1, 1, 2]])
    expected = np.stack([row[i] for row, i in zip(values, index)])
    np.testing.assert_array_equal(native.take_rows(values, index), expected)


def test_global_sum_of_one_device_is_its_own():
    assert float(native.global_sum(tf.constant(3.0))) == 3


@pytest.mark.slow
def test_global_sum_adds_over_replicas():
    """1 on the first and 2 on the second: both divide by 3."""
    run = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS],
        capture_output=True,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=120,
    )
    assert run.stdout.strip() == "[3.0, 3.0] 5.0", run.stderr
