"""On which devices a run computes, and what its processes tell each other."""

import contextlib
import json
import os

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
        if len(worker_addresses()) < 2:
            raise ValueError(
                "multiworker needs TF_CONFIG, which says where the workers are; "
                "`python -m recipes.launch -n 2 -- ...` sets it for this machine"
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.MirroredStrategy(*_mirrored_arguments())


def _best():
    if len(worker_addresses()) > 1:
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


def split_cpu(count):
    """Makes `count` logical devices of the CPU: a way to try a strategy."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, parts)


def worker_addresses():
    """The "host:port" of each worker in TF_CONFIG, the first of which is the chief."""
    text = os.environ.get("TF_CONFIG", "{}")
    try:
        return json.loads(text).get("cluster", {}).get("worker", [])
    except (ValueError, AttributeError):
        raise ValueError(f"TF_CONFIG is no JSON object: {text!r}") from None


def is_chief(strategy):
    """Whether this process is the one that writes files."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.task_id


def workers(strategy):
    """The number of processes."""
    resolver = strategy.cluster_resolver
    return resolver.cluster_spec().num_tasks("worker") if resolver else 1


class Workers:
    """What the processes of a run tell each other; trivial for one."""

    def __init__(self, strategy):
        self.strategy, self.count = strategy, workers(strategy)
        self._gather = tf.function(self._from_all_replicas)

    def any(self, mine):
        """Whether `mine` is true on any worker. All have to ask, at the same time."""
        return any(self._all(bool(mine)))

    def agree(self, number):
        """Whether all workers have the same whole number; all have to ask."""
        return len(set(self._all(number))) == 1

    def _all(self, number):
        if self.count == 1:
            return [number]
        return self._gather(tf.constant(int(number), tf.int64)).numpy().tolist()

    def _from_all_replicas(self, number):
        numbers = self.strategy.run(lambda: tf.reshape(number, (1,)))
        return self.strategy.gather(numbers, axis=0)


@contextlib.contextmanager
def chief_first(strategy):
    """Inside, the chief is done before the others begin: for files that one process has
    to make and all of them use.
    """
    workers = Workers(strategy)
    if not is_chief(strategy):
        workers.any(False)
    yield
    if is_chief(strategy):
        workers.any(False)


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
    if x.shape[0] % parts:
        raise ValueError(
            f"a batch of {x.shape[0]} pictures cannot be shared by {parts} devices; "
            f"it can have {parts * max(1, x.shape[0] // parts)}"
        )
    return tf.reshape(x, (parts, x.shape[0] // parts, *x.shape[1:]))
