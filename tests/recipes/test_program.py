"""What holds for the flags of every recipe."""

import pytest
from absl import flags
from absl.testing import flagsaver

from recipes import classify, common, program


@pytest.mark.parametrize("flag", ["epochs", "learning_rate", "colour", "l2"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_number_is_finite(flag, value):
    program.require_finite()
    with flagsaver.flagsaver(), pytest.raises(flags.IllegalFlagValueError) as error:
        flags.FLAGS(["classify", f"--{flag}={value}"])
    assert f"flag --{flag}={value}: " in str(error.value)


def test_a_flag_without_a_number_may_have_none():
    program.require_finite()
    with flagsaver.flagsaver():
        flags.FLAGS(["classify", "--epochs=0.5"])
        assert common.EPOCHS.value == 0.5
        assert classify.BACKBONE_LEARNING_RATE.value is None
