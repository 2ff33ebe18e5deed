"""What a loop costs beside the computation: a network so small that nothing else is."""

import numpy as np

from benchmarks.racing import race

SIDE, BATCH, STEPS = 16, 8, 200


def small_model():
    import keras

    from kzoo.models.base import Model
    from kzoo.tasks.classification import Classification

    images = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(4, 3, strides=4)(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = Model(images, keras.layers.Dense(3)(x))
    model.task = Classification(3)
    return model


def rows():
    """An endless dataset of one batch."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (BATCH, SIDE, SIDE, 3)).astype("float32")
    labels = rng.integers(0, 3, BATCH, dtype=np.int32)
    return tf.data.Dataset.from_tensors((images, labels)).repeat()


def ours(a_call):
    """`kzoo.train.TrainStep`, as `Loop` calls it."""

    def make():
        import keras
        import tensorflow as tf

        from kzoo.train import TrainStep

        name = lambda images, labels: {"images": images, "targets": labels}
        strategy = tf.distribute.get_strategy()
        step = TrainStep(small_model(), keras.optimizers.SGD(0.1), strategy)
        iterator = iter(rows().map(name))

        def run():
            for _ in range(STEPS // a_call):
                step(iterator, tf.constant(a_call)).numpy()

        return run

    return make


def fit(a_call):
    def make():
        model = small_model()
        model.compile("sgd", steps_per_execution=a_call, jit_compile=False)
        return lambda: model.fit(rows(), steps_per_epoch=STEPS, verbose=0)

    return make


def races():
    for a_call in (1, 20):
        yield race(
            f"{STEPS} steps of a network of nothing, {a_call} a call",
            {"kzoo": ours(a_call), "Keras' fit": fit(a_call)},
            turns=5,
        )
