"""L-BFGS: steps from the gradient over all pictures, for small models and small data.

Nocedal and Wright, Numerical Optimization, 2nd ed., section 7.2, as SciPy has it. No
pictures are augmented and nothing is drawn at random, so a run that was stopped starts
anew and comes to the same weights.
"""

import numpy as np
import tensorflow as tf


def lbfgs(model, batches, steps, l2=0.0, after_step=None):
    """Trains `model`; returns the losses after each step, the first before any.

    Args:
      model: a kzoo model with a task. It runs as in use, without dropout and with the
        statistics that its batch normalizations have.
      batches: a list of (images, targets), all of them together the full batch.
      steps: the most of them.
      l2: factor of half the sum of squares of all kernels, added to the loss.
      after_step: a function of (step, loss) to call after each.
    """
    # Half a second that others need not wait for.
    from scipy.optimize import minimize

    variables = model.trainable_variables
    total = sum(len(images) for images, _ in batches)

    @tf.function(reduce_retracing=True)
    def gradients(images, targets, share):
        with tf.GradientTape() as tape:
            terms = model.task.losses(model, images, targets, training=False)
            loss = share * tf.add_n(list(terms.values()))
        return loss, tape.gradient(
            loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def loss_and_slope(weights):
        _assign(variables, weights)
        loss, slope = 0.0, np.zeros_like(weights)
        for images, targets in batches:
            share = tf.constant(len(images) / total, tf.float32)
            part, parts = gradients(images, targets, share)
            loss += float(part)
            slope += _flat(parts)
        for variable, place in zip(variables, _places(variables)):
            if l2 and "kernel" in variable.name:
                loss += 0.5 * l2 * float(np.sum(weights[place] ** 2))
                slope[place] += l2 * weights[place]
        return loss, slope

    losses = []

    def note(intermediate_result):
        losses.append(float(intermediate_result.fun))
        if after_step:
            after_step(len(losses) - 1, losses[-1])

    start = _flat(variables)
    losses.append(loss_and_slope(start)[0])
    options = {"maxiter": steps, "maxcor": 20}
    found = minimize(
        loss_and_slope,
        start,
        jac=True,
        method="L-BFGS-B",
        options=options,
        callback=note,
    )
    _assign(variables, found.x)
    return losses


def _flat(tensors):
    return np.concatenate([np.ravel(tensor).astype("float64") for tensor in tensors])


def _places(variables):
    """Where each variable lies in the flat vector."""
    ends = np.cumsum([0, *(int(np.prod(v.shape)) for v in variables)])
    return [slice(start, end) for start, end in zip(ends, ends[1:])]


def _assign(variables, weights):
    for variable, place in zip(variables, _places(variables)):
        variable.assign(weights[place].reshape(variable.shape).astype("float32"))
