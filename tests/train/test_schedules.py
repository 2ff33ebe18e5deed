"""Learning rates against hand-worked numbers; what decay and averages touch."""

import keras
import numpy as np
import pytest

from kzoo import train
from kzoo.train.schedules import learning_rate


def rates(kind, steps, warmup=0, rate=1.0):
    schedule = train.Schedule(rate, steps, kind, warmup)
    return [float(schedule(step)) for step in range(steps + 1)]


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25, 0]),
        # cos 45 degrees is 0.7071068.
        ("cosine", [1, 0.8535534, 0.5, 0.1464466, 0]),
        # 0.75 ** 0.9 and so on, by logarithms.
        ("polynomial", [1, 0.7719, 0.5359, 0.2872, 0]),
        ("plateau", [1, 1, 1, 1, 1]),
        ("cosine(final=0.2)", [1, 0.8828427, 0.6, 0.3171573, 0.2]),
        ("polynomial(power=4)", [1, 0.3164063, 0.0625, 0.0039063, 0]),
        ("step(at=(0.5, 0.75), factor=0.2)", [1, 1, 0.2, 0.04, 0.04]),
        ("exponential(factor=0.5, times=2)", [1, 1, 0.5, 0.5, 0.25]),
        # 1 / (1 + 4 * t), for t in quarters.
        ("inverse(k=4)", [1, 0.5, 1 / 3, 0.25, 0.2]),
    ],
)
def test_a_schedule_of_four_steps(kind, expected):
    np.testing.assert_allclose(rates(kind, 4), expected, atol=1e-4)


def test_steps_fall_to_a_tenth_at_two_and_eight_ninths():
    expected = [1] * 6 + [0.1] * 2 + [0.01] * 2
    np.testing.assert_allclose(rates("step", 9), expected, rtol=1e-6)


def test_the_warm_up_is_linear_and_the_rest_begins_after_it():
    found = rates("linear", 8, warmup=4, rate=2.0)
    np.testing.assert_allclose(found, [0.5, 1, 1.5, 2, 2, 1.5, 1, 0.5, 0], rtol=1e-6)


def test_a_warm_up_as_long_as_the_run_divides_by_nothing():
    np.testing.assert_allclose(rates("cosine", 2, warmup=2), [0.5, 1, 1])


def test_a_plateau_waits_then_falls_and_waits_anew():
    schedule = train.Schedule(1.0, 100, "plateau", patience=2)
    seen = []
    for score in [0.0, 0.5, 0.5, 0.4, 0.4, 0.6, 0.6, 0.6]:
        schedule.watch(score)
        seen.append(float(schedule(50)))
    np.testing.assert_allclose(seen, [1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01], rtol=1e-6)


def test_another_kind_of_schedule_does_not_care_about_scores():
    schedule = train.Schedule(1.0, 4, "constant")
    for _ in range(9):
        schedule.watch(0.0)
    assert float(schedule(2)) == 1 and schedule.variables == []


def test_an_unknown_name_is_told_the_choices():
    with pytest.raises(ValueError, match="no schedule 'cosin'; kzoo has constant, cos"):
        train.Schedule(1.0, 4, "cosin")
    with pytest.raises(ValueError, match="no optimizer 'lion'; kzoo has sgd, nestero"):
        train.optimizer("lion", 1.0)


@pytest.mark.parametrize(
    "words, message",
    [
        ("step(when=3)", "step has no argument 'when'; it has at, factor"),
        ("linear(k=3)", "linear has no argument 'k'; it has none"),
        ("step(3)", "'step(3)' is no model; say a name or name(argument=value"),
    ],
)
def test_an_unknown_argument_of_a_schedule_is_told_the_choices(words, message):
    with pytest.raises(ValueError) as error:
        train.Schedule(1.0, 4, words)
    assert str(error.value).startswith(message)


def test_a_plateau_falls_by_its_factor():
    schedule = train.Schedule(1.0, 100, "plateau(factor=0.5)", patience=1)
    for score in (0.5, 0.4, 0.4):
        schedule.watch(score)
    assert float(schedule(0)) == 0.25


# One step from 2 with the gradient 3 at a rate of 0.1, by each one's paper.
FIRST_STEPS = {
    "sgd": 2 - 0.3,
    "sgd(momentum=0)": 2 - 0.3,
    # The velocity is -0.3, and it looks ahead: 0.9 * -0.3 - 0.3.
    "nesterov": 2 - 0.57,
    # Divided by sqrt(0.1 * 9).
    "rmsprop(epsilon=0.0)": 2 - 0.3 / 0.9**0.5,
    # sqrt(0.9 + 1) with the epsilon of Inception's, which is added inside.
    "rmsprop(epsilon=1.0)": 2 - 0.3 / 1.9**0.5,
    "adagrad(initial_accumulator_value=0.0)": 2 - 0.1,
    # sqrt(1e-7) / sqrt(0.05 * 9 + 1e-7) * 3 * 0.1
    "adadelta": 2 - 0.1 * (1e-7 / (0.45 + 1e-7)) ** 0.5 * 3,
    "adam": 2 - 0.1,
    "adamw": 2 - 0.1,
    # Adam's step of length 1, as long as the weight itself: 2.
    "lamb": 2 - 0.2,
}


@pytest.mark.parametrize("name", FIRST_STEPS)
def test_the_first_step_of_an_optimizer(name):
    kernel = weight("kernel", 2.0)
    optimizer = train.optimizer(name, 0.1)
    optimizer.build([kernel])
    optimizer.apply([np.full(1, 3.0, "float32")], [kernel])
    assert float(kernel.numpy()[0]) == pytest.approx(FIRST_STEPS[name], abs=2e-6)


def test_every_optimizer_is_in_the_list_of_first_steps():
    assert {name.partition("(")[0] for name in FIRST_STEPS} == set(train.OPTIMIZERS)


def test_an_unknown_argument_of_an_optimizer_is_told_the_choices():
    with pytest.raises(ValueError, match="rmsprop has no argument 'beta'; it has rho"):
        train.optimizer("rmsprop(beta=1)", 0.1)


def test_a_weight_may_have_its_own_rate_and_its_average_follows():
    weights = [weight("stem", 2.0), weight("logits", 2.0)]
    rates = lambda path: 0.1 if "stem" in path else 1.0
    for name in ("sgd", "adamw"):
        optimizer = train.optimizer(name, 0.1, ema_momentum=0.5, rates=rates)
        optimizer.build(weights)
        before = [float(w.numpy()[0]) for w in weights]
        optimizer.apply([np.ones(1, "float32")] * 2, weights)
        after = [float(w.numpy()[0]) for w in weights]
        moved = np.subtract(before, after)
        assert moved == pytest.approx([0.01, 0.1], rel=1e-4)
        averages = [
            float(v.numpy()[0]) for v in optimizer._model_variables_moving_average
        ]
        assert averages == pytest.approx(after)


def test_the_rate_of_a_step_is_known_with_and_without_a_schedule():
    schedule = train.Schedule(1.0, 4, "linear")
    assert learning_rate(train.optimizer("sgd", schedule), 3) == 0.25
    assert learning_rate(train.optimizer("sgd", 0.5), 3) == 0.5


def test_a_schedule_survives_serialization():
    schedule = train.Schedule(0.3, 7, "step", 2)
    copy = keras.optimizers.schedules.deserialize(
        keras.optimizers.schedules.serialize(schedule)
    )
    assert [float(copy(i)) for i in range(7)] == [float(schedule(i)) for i in range(7)]


def weight(name, value):
    return keras.Variable([value], name=name)


def test_decoupled_decay_is_of_kernels_alone():
    names = ("kernel", "depthwise_kernel", "bias", "gamma", "beta", "position")
    weights = [weight(name, 2.0) for name in names]
    optimizer = train.optimizer("adamw", 0.1, weight_decay=0.5)
    optimizer.build(weights)
    optimizer.apply([np.zeros(1, "float32")] * len(names), weights)
    # The gradient is zero, so all that is left is 2 - 0.1 * 0.5 * 2.
    found = {w.name: float(w.numpy()[0]) for w in weights}
    assert found == pytest.approx(
        dict.fromkeys(names, 2.0) | {"kernel": 1.9, "depthwise_kernel": 1.9}
    )


def test_the_average_of_weights_follows_them():
    """After steps to 1.5 and 1.0: first the weight itself, then halfway."""
    kernel = weight("kernel", 2.0)
    optimizer = train.optimizer("sgd", 0.5, ema_momentum=0.5)
    optimizer.momentum = 0.0
    optimizer.build([kernel])
    averages = []
    for _ in range(2):
        optimizer.apply([np.ones(1, "float32")], [kernel])
        averages.append(float(optimizer._model_variables_moving_average[0].numpy()[0]))
    assert averages == [1.5, 1.25]


def test_half_precision_scales_the_loss():
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        optimizer = train.optimizer("sgd", 0.5)
    finally:
        keras.config.set_dtype_policy(before)
    assert float(optimizer.scale_loss(1.0)) == 2**15
    assert learning_rate(optimizer, 0) == 0.5
