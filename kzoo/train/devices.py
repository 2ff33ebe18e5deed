"""On which devices a run computes."""

import tensorflow as tf

STRATEGIES = ("auto", "one", "mirrored", "multiworker")


def strategy(name="auto"):
    """The tf.distribute strategy called `name`.

    * one: the first GPU, or the CPU.
    * mirrored: all GPUs of this machine, or all logical CPUs where it has none.
    * multiworker: several processes, each of which finds its part in TF_CONFIG.
    * auto: multiworker where TF_CONFIG is set, mirrored where there are several
      GPUs, else one.

    Call it before anything else uses TensorFlow: multiworker must start first.
    """
    if name not in STRATEGIES:
        raise ValueError(f"no strategy {name!r}; kzoo has {', '.join(STRATEGIES)}")
    if name == "auto":
        name = _best()
    if name == "one":
        return tf.distribute.get_strategy()
    if name == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.MirroredStrategy(*_mirrored_arguments())


def _best():
    if tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec().jobs:
        return "multiworker"
    several = len(tf.config.list_physical_devices("GPU")) > 1
    return "mirrored" if several else "one"


def _mirrored_arguments():
    """(devices, cross device operations)."""
    if tf.config.list_physical_devices("GPU"):
        return None, None
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    # Collective operations fail for the second strategy of a process on CPUs.
    return devices, tf.distribute.ReductionToOneDevice()


def is_chief(strategy):
    """Whether this process is the one that writes files."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.task_id


def split_cpu(count):
    """Makes `count` logical devices of the CPU: a way to try a strategy."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, parts)


def distribute(strategy, batches):
    """The stream of this process, cut to one batch for each of its replicas.

    Args:
      batches: a function of (worker, workers) to the dataset of that worker, whose
        batches a worker's replicas share evenly, in the order of rows.
    """

    def dataset(context):
        workers = context.num_input_pipelines
        replicas = strategy.num_replicas_in_sync // workers
        stream = batches((context.input_pipeline_id, workers))
        if replicas == 1:
            return stream

        return stream.flat_map(
            lambda batch: tf.data.Dataset.from_tensor_slices(
                tf.nest.map_structure(lambda x: _cut(x, replicas), batch)
            )
        )

    return strategy.distribute_datasets_from_function(dataset)


def _cut(x, parts):
    """(B, ...) to (parts, B / parts, ...)."""
    return tf.reshape(x, (parts, x.shape[0] // parts, *x.shape[1:]))
