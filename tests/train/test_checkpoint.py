"""The state of a run comes back to the last bit, or not at all."""

import errno
import io
import json
import os
import random
import zipfile

import keras
import numpy as np
import pytest

from kzoo import train
from kzoo.train import checkpoint
from tests.train import program, tiny

NOTE = {"step": 7, "best": {"top1": 0.1, "top5": None}}


def trained(kind="dropout", optimizer=None, steps=3):
    """(model, optimizer) with every kind of variable, all moved."""
    model = tiny.model(kind)
    if optimizer is None:
        schedule = train.Schedule(0.1, 9, "plateau", patience=1)
        optimizer = train.optimizer("adamw", schedule, 0.1, ema_momentum=0.9)
        schedule.watch(0.5), schedule.watch(0.4)
    step = train.TrainStep(model, optimizer, train.strategy("one"))
    if steps:
        program.curve(step, program.batches(tiny.source()), steps)
    return model, optimizer


@pytest.fixture(scope="module")
def pair():
    return trained()


@pytest.fixture
def state(pair, tmp_path):
    path = tmp_path / "checkpoint" / "state.npz"
    checkpoint.save(path, checkpoint.collect(*pair), NOTE)
    return path


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype, name
        assert first[name].tobytes() == second[name].tobytes(), name


def test_everything_comes_back_bit_for_bit(pair, state):
    fresh = trained(steps=0)
    note = checkpoint.restore(state, *fresh)
    assert {name: note[name] for name in NOTE} == NOTE
    found = checkpoint.collect(*fresh)
    same(found, checkpoint.collect(*pair))
    names = " ".join(found)
    for part in ("kernel", "seed", "iteration", "momentum", "average", "schedule/"):
        assert part in names, part


def test_the_seeds_have_moved_and_so_are_worth_keeping(pair):
    start, end = (checkpoint.collect(*p) for p in (trained(steps=0), pair))
    seeds = [name for name in start if "seed_generator_state" in name]
    assert seeds and all((start[s] != end[s]).any() for s in seeds)


def test_the_loss_scale_comes_back(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model, optimizer = trained("plain", train.optimizer("sgd", 0.1), steps=2)
        optimizer.dynamic_scale.assign(12.0)
        path = tmp_path / "state.npz"
        checkpoint.save(path, checkpoint.collect(model, optimizer), NOTE)
        fresh = trained("plain", train.optimizer("sgd", 0.1), steps=0)
        checkpoint.restore(path, *fresh)
    finally:
        keras.config.set_dtype_policy(before)
    assert float(fresh[1].dynamic_scale.numpy()) == 12.0
    assert int(fresh[1].step_counter.numpy()) == 2


def refused(path, pair):
    """The message of a state that is refused; the model stays as it was."""
    before = checkpoint.collect(*pair)
    with pytest.raises(train.CheckpointError) as caught:
        checkpoint.read_note(path)
        checkpoint.restore(path, *pair)
    same(checkpoint.collect(*pair), before)
    return str(caught.value)


REMEDY = "Put back a copy, or remove it to start the run anew"


def test_a_truncated_file(pair, state):
    whole = state.read_bytes()
    for length in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        state.write_bytes(whole[:length])
        expected = f"{state} is damaged or no state of a run at all. {REMEDY}"
        assert refused(state, pair) == expected


@pytest.mark.parametrize("content", ["step,loss\n1,0.5\n", "{}", "\x93NUMPY"])
def test_a_text_file(pair, state, content):
    state.write_text(content)
    expected = f"{state} is damaged or no state of a run at all. {REMEDY}"
    assert refused(state, pair) == expected


def test_a_folder(pair, tmp_path):
    expected = f"{tmp_path} is damaged or no state of a run at all. {REMEDY}"
    assert refused(tmp_path, pair) == expected


def test_a_zip_of_something_else(pair, state):
    with zipfile.ZipFile(state, "w") as file:
        file.writestr("hello.txt", "hello")
    assert (
        refused(state, pair)
        == f"{state} is no state of a run: it has no note. {REMEDY}"
    )


def test_a_file_with_a_pickle_in_it_is_not_opened(pair, state):
    np.savez(state, note=np.array([print], dtype=object))
    assert refused(state, pair).startswith(f"{state} is damaged (Object arrays cannot")


def test_a_flipped_bit_is_seen_wherever_it_lies(pair, state):
    """Or it changes nothing that is read, as the times of day in a zip do not."""
    whole, values = bytearray(state.read_bytes()), checkpoint.collect(*pair)
    rng = random.Random(0)
    seen = 0
    for _ in range(60):
        place, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        whole[place] ^= bit
        state.write_bytes(whole)
        whole[place] ^= bit
        try:
            checkpoint.restore(state, *pair)
        except train.CheckpointError as error:
            # In a name it makes the state one of another model.
            assert str(state) in str(error)
            seen += 1
        same(checkpoint.collect(*pair), values)
    assert seen > 30


def test_the_message_for_a_flipped_bit_in_an_array(pair, state):
    whole = bytearray(state.read_bytes())
    name = next(n for n in checkpoint.collect(*pair) if "logits.kernel" in n)
    with zipfile.ZipFile(state) as file:
        place = file.getinfo(f"{name}.npy").header_offset + 300
    whole[place] ^= 1
    state.write_bytes(whole)
    expected = f"{state} is damaged (Bad CRC-32 for file '{name}.npy'). {REMEDY}"
    assert refused(state, pair) == expected


def test_a_state_of_another_model(state):
    """There the fifth variable is the seed of the dropout, and two follow it."""
    assert refused(state, trained("plain", steps=0)) == (
        f"{state} is of another model or optimizer: they differ in 5 variables, as "
        "model/0004 logits.kernel, model/0004 seed_generator.seed_generator_state, "
        "model/0005 logits.bias"
    )


def test_a_state_of_another_optimizer(state):
    message = refused(state, trained("dropout", train.optimizer("sgd", 0.1), steps=0))
    assert message.startswith(f"{state} is of another model or optimizer: they differ")
    assert "optimizer/" in message


def test_a_weight_of_another_shape(pair, state):
    arrays = checkpoint.collect(*pair)
    name = next(n for n in arrays if "logits.bias" in n)
    checkpoint.save(state, {**arrays, name: np.zeros(4, "float32")}, NOTE)
    assert refused(state, pair) == (
        f"{state} is of another model: {name} is (4,) there and (3,) here"
    )


def test_a_state_of_another_format(pair, state, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    assert refused(state, pair) == (
        f"{state} has format 1, and this version of kzoo reads 2. {REMEDY}"
    )


@pytest.mark.parametrize("text", ["{}", "[1]", "{", "7"])
def test_a_note_that_is_none(pair, state, text):
    np.savez(state, note=np.array(text), **checkpoint.collect(*pair))
    message = refused(state, pair)
    assert message.startswith(f"{state} is damaged (") and message.endswith(REMEDY)


def test_no_file_is_no_note(tmp_path):
    assert checkpoint.read_note(tmp_path / "state.npz") is None


class FullDisk(io.FileIO):
    """A file on a disk that takes 1000 bytes."""

    def write(self, data):
        if self.tell() + len(data) > 1000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def test_a_full_disk_leaves_the_old_state(pair, state, monkeypatch):
    before = state.read_bytes()
    monkeypatch.setattr("builtins.open", lambda path, mode: FullDisk(path, mode))
    with pytest.raises(train.CheckpointError) as caught:
        checkpoint.save(state, checkpoint.collect(*pair), {"step": 8})
    monkeypatch.undo()
    assert str(caught.value) == (
        f"the state of the run could not be saved to {state}: No space left on device. "
        "What was saved before is untouched"
    )
    assert state.read_bytes() == before
    assert os.listdir(state.parent) == ["state.npz"]


def test_a_file_in_the_way_of_the_folder(pair, tmp_path):
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(
        train.CheckpointError, match="could not be saved to .*File exists"
    ):
        path = tmp_path / "checkpoint" / "state.npz"
        checkpoint.save(path, checkpoint.collect(*pair), NOTE)


def test_a_run_killed_while_it_writes_has_its_old_state(pair, state, monkeypatch):
    """All that can be left over is a file beside it, which the next save replaces."""

    def killed(file):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    arrays = checkpoint.collect(*pair)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(state, arrays, {"step": 8})
    monkeypatch.undo()
    assert sorted(os.listdir(state.parent)) == ["state.npz", "state.npz.new"]
    assert checkpoint.restore(state, *pair)["step"] == 7
    checkpoint.save(state, arrays, {"step": 9})
    assert checkpoint.read_note(state)["step"] == 9
    assert os.listdir(state.parent) == ["state.npz"]


def test_the_note_is_json(state):
    with np.load(state, allow_pickle=False) as file:
        assert json.loads(str(file["note"]))["format"] == checkpoint.FORMAT
