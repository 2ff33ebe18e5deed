"""One step of training under tf.distribute, for every task.

This is how a Keras 3 model is trained by hand. `strategy.run` calls a function on
each replica with its share of the batch. There the task's losses are sums divided
by a count over the *global* batch (`kzoo.ops.native.global_sum`), so the gradients of
the replicas only have to be added, which `optimizer.apply` does. Hence one device
and many give the same weights.
"""

import contextlib

import keras
import tensorflow as tf

from kzoo.ops import native
from kzoo.train.devices import distribute


class TrainStep:
    """Makes the weights a little better, some steps a call.

    Args:
      model: a kzoo model with a task.
      optimizer: a Keras optimizer.
      strategy: whose scope the model and the optimizer were made in.
      l2: factor of half the sum of squares of all kernels, added to the loss. This
        is the "weight decay" of the papers that train with SGD.
      clip_norm: largest norm of all gradients together; 0 for any.
      micro_batches: parts of a replica's batch that go through the network one
        after the other, for batches that do not fit into memory at once.
      jit: compile the forward and backward pass with XLA. Slower on a CPU.

    Calling it with (iterator, steps) takes that many steps and returns float32
    (steps, len(names)); `names` are then "loss" and the task's terms.
    """

    def __init__(
        self,
        model,
        optimizer,
        strategy,
        l2=0.0,
        clip_norm=0.0,
        micro_batches=1,
        jit=False,
    ):
        self.model, self.optimizer, self.strategy = model, optimizer, strategy
        self.l2, self.clip_norm, self.micro_batches = l2, clip_norm, micro_batches
        self.names = None
        self._gradients = self._whole_batch
        if micro_batches > 1:
            self._gradients = self._in_micro_batches
        if jit:
            if strategy.num_replicas_in_sync > 1:
                raise ValueError(
                    "XLA compiles for one device: with several, losses are counted "
                    "over all of them in the middle of what would be compiled"
                )
            self._gradients = tf.function(self._gradients, jit_compile=True)
        if not optimizer.built:
            with strategy.scope():
                optimizer.build(model.trainable_variables)

    def stream(self, batches, start):
        """The batches from step `start` on, as calls of this want them."""
        # Without end, else workers ask each other before each step if there is more.
        endless = lambda worker: batches(start, worker).repeat()
        return iter(distribute(self.strategy, endless))

    @tf.function(reduce_retracing=True)
    def __call__(self, iterator, steps):
        rows = tf.TensorArray(tf.float32, size=steps)
        for i in tf.range(steps):
            terms = self.strategy.run(self._replica_step, args=(next(iterator),))
            row = self.strategy.reduce("SUM", terms, axis=None)
            rows = rows.write(i, row)
        return rows.stack()

    def _replica_step(self, batch):
        """This replica's part of the loss terms, after the weights were updated."""
        terms, gradients = self._gradients(batch["images"], batch["targets"])
        gradients = self._agree(gradients)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return terms

    def _whole_batch(self, images, targets):
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            terms = self.model.task.losses(self.model, images, targets, training=True)
            terms |= self._l2_term()
            loss = tf.add_n(list(terms.values()))
            scaled = self.optimizer.scale_loss(loss)
        gradients = [
            # A weight that this loss does not reach.
            tf.zeros(variable.shape) if gradient is None else gradient
            for variable, gradient in zip(variables, tape.gradient(scaled, variables))
        ]
        self.names = ["loss", *terms]
        return tf.stack([loss, *terms.values()]), gradients

    def _in_micro_batches(self, images, targets):
        """`_whole_batch`, in parts whose gradients are added.

        Batch normalization sees one part at a time; all else is as for the whole.
        """
        parts = tf.nest.map_structure(self._split, (images, targets))
        seeds = [v for v in self.model.variables if v.name == "seed_generator_state"]
        start = [tf.identity(seed.value) for seed in seeds]
        total = None
        with native.given_sums(self._normalizers(parts)):
            for i in range(self.micro_batches):
                # Each part waits for the one before it: memory for one at a time.
                with tf.control_dependencies(tf.nest.flatten(total) if i else []):
                    part = tf.nest.map_structure(lambda x: tf.identity(x[i]), parts)
                # All draw the same random numbers and take those of their own rows.
                for seed, value in zip(seeds, start):
                    seed.assign(value)
                with native.part_of_batch(i, self.micro_batches):
                    found = self._whole_batch(*part)
                total = tf.nest.map_structure(tf.add, total, found) if i else found
        return total

    def _normalizers(self, parts):
        """What the losses are divided by, counted over all parts of all replicas.

        Where it follows from the targets alone, as with anchors, the graph drops the
        forward pass of this counting.
        """
        with native.recorded_sums() as counts:
            for i in range(self.micro_batches):
                part = tf.nest.map_structure(lambda x: x[i], parts)
                self.model.task.losses(self.model, *part, training=False)
        each = len(counts) // self.micro_batches
        return [native.global_sum(sum(counts[k::each])) for k in range(each)]

    def _split(self, x):
        if x.shape[0] % self.micro_batches:
            raise ValueError(
                f"a replica's batch of {x.shape[0]} pictures cannot be cut into "
                f"{self.micro_batches} micro-batches"
            )
        return tf.reshape(x, (self.micro_batches, -1, *x.shape[1:]))

    def _l2_term(self):
        """{"l2": this replica's share of it}, or nothing."""
        if not self.l2:
            return {}
        kernels = [v for v in self.model.trainable_variables if "kernel" in v.name]
        total = tf.add_n([tf.nn.l2_loss(tf.cast(k, tf.float32)) for k in kernels])
        shares = self.strategy.num_replicas_in_sync * self.micro_batches
        return {"l2": self.l2 * total / shares}

    def _agree(self, gradients):
        """Gradients that replicas must decide upon together, summed and clipped.

        Clipping and the search for an overflow look at the sum over all replicas;
        Keras looks at each one's own part.
        """
        scaler = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        if not (self.clip_norm or scaler):
            return gradients
        replicas = self.strategy.num_replicas_in_sync
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce("SUM", gradients)
        if self.clip_norm:
            scale = self.optimizer.dynamic_scale if scaler else 1.0
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip_norm * scale)
        # `apply` adds the replicas' gradients, which are equal by now.
        return [g / replicas for g in gradients] if replicas > 1 else gradients


def set_batch_norm(model, kind, steps=None):
    """Makes all batch normalizations of `model` one of three kinds.

    * sync: statistics of the global batch, so that devices do not matter.
    * local: statistics of each replica's part; no communication.
    * frozen: the statistics and weights it has, as detectors of large pictures
      that start from trained backbones want. Published weights whose batch norm
      was folded into the convolutions need it.

    Args:
      steps: of the run. Moving statistics that remember more than a twentieth of it
        are given a shorter memory: MobileNetV2's momentum of 0.999 is for runs of
        hundreds of thousands of steps, and in a short one it would be evaluated with
        the statistics that it began with.
    """
    kinds = ("sync", "local", "frozen")
    if kind not in kinds:
        raise ValueError(f"no batch norm {kind!r}; kzoo has {', '.join(kinds)}")
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = kind == "sync"
            layer.trainable = kind != "frozen"
            if steps is not None:
                layer.momentum = min(layer.momentum, max(0.0, 1 - 20 / steps))


def freeze(model, prefixes):
    """Keeps the layers as they are whose names begin with one of `prefixes`.

    Their batch normalizations use the statistics that they have.

    Raises:
      ValueError: for a prefix that no layer with weights has.
    """
    layers = [layer for layer in model._flatten_layers() if layer.weights]
    layers = [layer for layer in layers if not hasattr(layer, "layers")]
    for prefix in prefixes:
        frozen = [layer for layer in layers if layer.name.startswith(prefix)]
        if not frozen:
            parts = dict.fromkeys(layer.name.partition("_")[0] for layer in layers)
            raise ValueError(
                f"{model.name} has no layer {prefix!r}...; its layers begin with "
                f"{', '.join(parts)}"
            )
        for layer in frozen:
            layer.trainable = False


@contextlib.contextmanager
def averaged_weights(model, optimizer):
    """Inside, `model` has the moving averages of its weights, if they are kept."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not inner.use_ema:
        yield
        return
    variables = model.trainable_variables
    kept = [v.numpy() for v in variables]
    averages = [v.numpy() for v in inner._model_variables_moving_average]
    if inner.iterations.numpy() > 0:
        _assign(variables, averages)
    try:
        yield
    finally:
        _assign(variables, kept)


def _assign(variables, values):
    for variable, value in zip(variables, values):
        variable.assign(value)
