"""--learning_rate grows with the batch where the flags say for which it is meant."""

import pytest
from absl.testing import flagsaver

from recipes import common


@pytest.mark.parametrize(
    "meant_for, batch, expected", [(None, 64, 0.1), (256, 64, 0.025), (16, 64, 0.4)]
)
def test_the_rate_grows_in_proportion(meant_for, batch, expected):
    flags = {"learning_rate": 0.1, "learning_rate_batch": meant_for}
    with flagsaver.flagsaver(**flags, batch_size=batch):
        assert common.learning_rate() == pytest.approx(expected)
