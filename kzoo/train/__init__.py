"""How kzoo trains: parts that recipes and a person's own loop are made of.

strategy(name)            which devices
optimizer(...), Schedule  how far each step goes
TrainStep                 one step of training under tf.distribute
MultiScale                the same, on pictures of several sizes in turn
Evaluation                scores on a data set
Loop                      all of them in a workdir, stopped and resumed
"""

from kzoo.train.checkpoint import CheckpointError
from kzoo.train.devices import (
    STRATEGIES,
    chief_first,
    distribute,
    is_chief,
    split_cpu,
    strategy,
)
from kzoo.train.errors import LostWorker, named_errors
from kzoo.train.evaluate import Evaluation
from kzoo.train.full_batch import lbfgs
from kzoo.train.loop import Loop, NonFiniteLoss, Plan
from kzoo.train.multi_scale import MultiScale
from kzoo.train.optimizers import OPTIMIZERS, optimizer
from kzoo.train.probe import PROBES, probe
from kzoo.train.schedules import SCHEDULES, Schedule
from kzoo.train.step import TrainStep, averaged_weights, freeze, set_batch_norm
from kzoo.train.stopping import Stopped
from kzoo.train.workdir import Log, Workdir

__all__ = [
    "CheckpointError",
    "Evaluation",
    "Log",
    "Loop",
    "LostWorker",
    "MultiScale",
    "NonFiniteLoss",
    "OPTIMIZERS",
    "PROBES",
    "Plan",
    "SCHEDULES",
    "STRATEGIES",
    "Schedule",
    "Stopped",
    "TrainStep",
    "Workdir",
    "averaged_weights",
    "chief_first",
    "distribute",
    "freeze",
    "is_chief",
    "lbfgs",
    "named_errors",
    "optimizer",
    "probe",
    "set_batch_norm",
    "split_cpu",
    "strategy",
]
