"""A run that is stopped, killed, poisoned or misled, and what is left of it."""

import csv
import dataclasses
import json
import os
import re
import signal
import threading
import time

import numpy as np
import pytest

from kzoo import data, train
from kzoo.train import checkpoint, loop
from tests.train import program, tiny


class Interrupted:
    """A TrainStep that does `action()` after its k-th call."""

    def __init__(self, step, call, action):
        self._step, self._call, self._action = step, call, action

    def __getattr__(self, name):
        return getattr(self._step, name)

    def __call__(self, *arguments):
        rows = self._step(*arguments)
        self._call -= 1
        if self._call == 0:
            self._action()
        return rows


def interrupted(folder, call, action, **options):
    running = program.loop(folder, **options)
    running.train_step = Interrupted(running.train_step, call, lambda: action(running))
    return running


def ask(number):
    return lambda _: os.kill(os.getpid(), number)


def state(folder):
    """All that a run left behind for its last step, without the time it took."""
    with np.load(folder / "checkpoint" / "state.npz") as file:
        arrays = {name: file[name] for name in file.files}
    note = json.loads(str(arrays.pop("note")))
    del note["seconds"]
    return note, arrays


def assert_same_state(first, second):
    assert first[0] == second[0]
    for name in first[1]:
        assert first[1][name].tobytes() == second[1][name].tobytes(), name


def rows(folder):
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run; (its folder, the scores of its best model)."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, program.loop(folder).run()


def test_a_run_leaves_its_files(whole):
    folder, best = whole
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint",
        "curves.png",
        "log.csv",
        "model",
        "tensorboard",
    }
    assert best["step"] in (8, 16, 24) and 0 <= best["top1"] <= 1
    described = json.loads((folder / "model" / "model.json").read_text())
    assert described["scores"] == best
    assert state(folder)[0]["step"] == 24


def test_the_log_has_a_row_for_every_few_steps_and_for_every_state(whole):
    steps = [int(row["step"]) for row in rows(whole[0])]
    # Each 4 for the log, each 3 for the state.
    assert steps == [3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21, 24]
    scored = [int(row["step"]) for row in rows(whole[0]) if row["top1"]]
    assert scored == [8, 16, 24]


def test_the_learning_rate_warms_up_in_the_log(whole):
    """Over 4 steps to 0.05, the third of which is number 2."""
    rates = {row["step"]: float(row["learning_rate"]) for row in rows(whole[0])}
    np.testing.assert_allclose(
        [rates["3"], rates["4"], rates["6"]], [0.0375, 0.05, 0.05]
    )


@pytest.mark.parametrize(
    "number, call",
    [(signal.SIGINT, 1), (signal.SIGTERM, 8), (signal.SIGTERM, 11)],
    ids=["first", "before_an_evaluation", "later"],
)
def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(whole, tmp_path, number, call):
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(train.Stopped) as caught:
        interrupted(tmp_path, call, ask(number)).run()
    assert str(caught.value) == (
        f"stopped at step {call} of 24; the same command continues from here"
    )
    assert handlers == (
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
    )
    assert checkpoint.read_note(tmp_path / "checkpoint" / "state.npz")["step"] == call
    assert program.loop(tmp_path).run() == whole[1]
    assert_same_state(state(tmp_path), state(whole[0]))
    # The stop has cut a row in two, if it was not the end of one anyway.
    after = [row for row in rows(whole[0]) if int(row["step"]) > call + 3]
    assert rows(tmp_path)[-len(after) :] == after


def test_a_run_that_is_stopped_while_it_evaluates_evaluates_again(whole, tmp_path):
    running = program.loop(tmp_path)
    running.evaluate = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(train.Stopped, match="while it was evaluated; the same command"):
        running.run()
    assert checkpoint.read_note(running.workdir.state)["evaluated"] == 0
    assert program.loop(tmp_path).run() == whole[1]
    assert_same_state(state(tmp_path), state(whole[0]))


def test_an_evaluation_that_fails_costs_no_step(whole, tmp_path):
    def fail():
        raise ValueError("picture 7 cannot be decoded")

    running = program.loop(tmp_path)
    running.evaluate = fail
    with pytest.raises(ValueError, match="picture 7"):
        running.run()
    assert checkpoint.read_note(running.workdir.state)["step"] == 8
    assert program.loop(tmp_path).run() == whole[1]
    assert_same_state(state(tmp_path), state(whole[0]))


def test_a_second_signal_ends_it_at_once(tmp_path):
    def twice(_):
        first = signal.getsignal(signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        # Two that come before Python looks would be one.
        while signal.getsignal(signal.SIGINT) == first:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    # A shell's background job, as a CI may be, was started to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted(tmp_path, 2, twice).run()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_that_is_over_only_tells_its_scores(whole):
    before = state(whole[0])
    again = program.loop(whole[0])
    again.train_step = again.evaluate = None
    assert again.run() == whole[1]
    assert_same_state(state(whole[0]), before)


def test_several_steps_a_call_change_nothing(whole, tmp_path):
    plan = dataclasses.replace(program.PLAN, steps_per_call=5)
    assert program.loop(tmp_path, plan=plan).run() == whole[1]
    assert_same_state(state(tmp_path), state(whole[0]))
    assert rows(tmp_path) == rows(whole[0])


def poison(running):
    """As a step does whose gradient is not finite though its loss is."""
    weight = running.model.trainable_weights[0]
    weight.assign(weight * float("nan"))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    running = interrupted(tmp_path, 7, poison, l2=0.1)
    with pytest.raises(train.NonFiniteLoss) as caught:
        running.run()
    names = ", ".join(data.names_at(tiny.source(), program.BATCH, 7))
    assert str(caught.value) == (
        "the loss is not finite at step 8: loss nan, cross_entropy nan, l2 nan; "
        f"learning rate 0.05; examples {names}. The state of step 6 is kept in "
        f"{running.workdir.state}. Try a lower --learning_rate, a longer --warmup or "
        "--clip_norm"
    )
    note, arrays = state(tmp_path)
    assert note["step"] == 6 and all(np.isfinite(a).all() for a in arrays.values())


def test_a_weight_that_is_not_finite_is_never_saved(tmp_path):
    """Its loss was computed before, so nothing is to be seen there."""
    running = interrupted(tmp_path, 6, poison)
    with pytest.raises(train.NonFiniteLoss) as caught:
        running.run()
    assert str(caught.value).startswith(
        "the weight is not finite at step 6: model/0000 one.kernel; learning rate 0.05;"
    )
    assert "The state of step 3 is kept" in str(caught.value)
    assert state(tmp_path)[0]["step"] == 3


def test_a_first_step_that_fails_has_nothing_to_keep(tmp_path):
    running = interrupted(tmp_path, 1, poison)
    with pytest.raises(
        train.NonFiniteLoss, match=r"at step 2:.*No state was saved yet"
    ):
        running.run()


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    "change, what",
    [
        (lambda run: run.identity.update(data="coco"), "data 'tiny', not 'coco'"),
        (lambda run: run.identity.update(seed=1), "seed None, not 1"),
        (lambda run: run.identity.pop("data"), "data 'tiny', not None"),
    ],
)
def test_a_workdir_of_another_run_is_left_alone(whole, change, what):
    folder = whole[0]
    before = contents(folder)
    other = program.loop(folder)
    change(other)
    with pytest.raises(train.CheckpointError) as caught:
        other.run()
    assert str(caught.value) == (
        f"{folder} holds a run with {what}: use another --workdir, or the flags in its "
        "config.flags"
    )
    assert contents(folder) == before


def test_a_workdir_of_another_model_is_left_alone(whole):
    before = contents(whole[0])
    expected = re.escape(f"{whole[0]} holds a run with builder 'dropout', not 'plain'")
    with pytest.raises(train.CheckpointError, match=expected):
        program.loop(whole[0], kind="plain").run()
    assert contents(whole[0]) == before


def test_a_state_that_somebody_else_saved_is_left_alone(whole, tmp_path):
    """By `kzoo.train.checkpoint`, as the page on training shows."""
    own = program.loop(tmp_path)
    arrays = checkpoint.collect(own.model, own.optimizer)
    checkpoint.save(own.workdir.state, arrays, {"step": 12})
    with pytest.raises(
        train.CheckpointError, match="a run with builder None, not 'dro"
    ):
        own.run()


def test_arguments_and_classes_of_the_model_are_compared():
    described = loop._identity(tiny.model("detector"))
    assert described["builder"] == "retinanet"
    assert described["filters= of the model"] == 8
    assert described["classes"] == ["0", "1", "2"]


def test_a_damaged_state_is_left_alone(whole, tmp_path):
    path = tmp_path / "checkpoint" / "state.npz"
    path.parent.mkdir()
    path.write_bytes((whole[0] / "checkpoint" / "state.npz").read_bytes()[:-9])
    before = contents(tmp_path)
    with pytest.raises(train.CheckpointError, match="is damaged or no state of a run"):
        program.loop(tmp_path).run()
    assert contents(tmp_path) == before


def test_other_versions_are_told_and_tried(whole, tmp_path, monkeypatch, capsys):
    with pytest.raises(train.Stopped):
        interrupted(tmp_path, 2, ask(signal.SIGTERM)).run()
    now = loop.versions()
    monkeypatch.setattr(loop, "versions", lambda: {**now, "keras": "9.9"})
    program.loop(tmp_path).restore()
    assert capsys.readouterr().err == (
        f"the state was saved by keras {now['keras']}, this is 9.9: the run goes on, "
        "but perhaps not to the last bit\n"
    )


def test_no_thread_and_no_file_is_left_open(whole, tmp_path):
    """`whole` was the first run: TensorFlow's own threads are there."""
    threads, files = threading.active_count(), set(os.listdir("/proc/self/fd"))
    program.loop(tmp_path).run()
    assert threading.active_count() == threads
    assert set(os.listdir("/proc/self/fd")) == files


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path):
    """It has a sound header and a sound end, so that nobody could see it before."""
    running = program.loop(tmp_path)
    source = tiny.source(spoilt=5)
    running.batches = program.batches(source)
    with pytest.raises(data.BadData) as caught:
        running.run()
    assert str(caught.value) == (
        "tiny-5: the picture cannot be decoded. Mend it or take it out; a run that was "
        "training continues from its last saved state"
    )
