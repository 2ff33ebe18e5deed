"""Checks of the machine: versions, GPUs, XLA, precision, several devices."""

import ctypes
import importlib.metadata
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf

from kzoo.train.diagnosis.check import FAIL, PASS, WARN, Check, some

PIP = "pip install 'kzoo[gpu]'"
# What TensorFlow opens when it starts, without the number at the end, which differs
# from version to version; found in its own table where the package says.
LIBRARIES = {
    "libcudart": "nvidia-cuda-runtime",
    "libcublas": "nvidia-cublas",
    "libcublasLt": "nvidia-cublas",
    "libcufft": "nvidia-cufft",
    "libcusolver": "nvidia-cusolver",
    "libcusparse": "nvidia-cusparse",
    "libcudnn": "nvidia-cudnn",
    "libnccl": "nvidia-nccl",
    "libnvJitLink": "nvidia-nvjitlink",
}
TESTED = ("tensorflow", "keras")


def all_checks():
    """Every check of this module, one after the other."""
    for check in (versions, gpus, xla, precisions, several_devices):
        yield check()


def versions(installed=importlib.metadata.version, required=None):
    """Whether TensorFlow and Keras are of the versions that kzoo's tests ran with."""
    from packaging.requirements import Requirement

    if required is None:
        try:
            required = importlib.metadata.requires("kzoo") or []
        except importlib.metadata.PackageNotFoundError:
            required = []
    ranges = [Requirement(line) for line in required]
    ranges = {r.name: r.specifier for r in ranges if not r.extras and not r.marker}
    found = {name: installed(name) for name in TESTED}
    other = [n for n in TESTED if n in ranges and found[n] not in ranges[n]]
    wanted = ", ".join(f"{n} {ranges[n]}" for n in TESTED if n in ranges)
    lines = " ".join(f"'{name}{ranges[name]}'" for name in other)
    return Check(
        "versions",
        WARN if other else PASS,
        ", ".join(f"{name} {version}" for name, version in found.items()),
        wanted or "kzoo to be installed, to know",
        f"kzoo was not tested with these: pip install {lines}",
        {**found, "python": sys.version.split()[0]},
    )


def gpus():
    """Whether TensorFlow sees the GPUs that the machine has, and if not, why."""
    seen = [device.name for device in tf.config.list_physical_devices("GPU")]
    there = nvidia_driver()
    built = tf.test.is_built_with_cuda()
    missing = missing_libraries() if there and built else []
    return gpu_check(seen, there, built, missing)


def gpu_check(seen, driver, built, missing):
    """The verdict on what was seen.

    Args:
      seen: names of the GPUs that TensorFlow sees.
      driver: version of NVIDIA's kernel driver, or None.
      built: whether this TensorFlow was built for CUDA.
      missing: names of libraries that cannot be opened.
    """
    values = {"gpus": seen, "driver": driver, "cuda": built, "missing": missing}
    if seen:
        return Check(
            "GPUs", PASS, f"{len(seen)}: {some(seen)}", "one or more", "", values
        )
    measured = f"none; NVIDIA driver {driver or 'not found'}"
    verdict, advice = FAIL, f"Look whether the driver works: nvidia-smi; then {PIP}"
    if driver is None:
        verdict = WARN
        advice = "Training runs on the CPU. With a GPU in it the machine lacks a driver"
    elif not built:
        advice = f"This TensorFlow is for CPUs alone: {PIP}"
    elif missing:
        measured += f"; {', '.join(missing)} cannot be opened"
        packages = sorted({LIBRARIES[name] for name in missing})
        advice = f"{PIP} brings {', '.join(packages)}"
    return Check("GPUs", verdict, measured, "one or more", advice, values)


def nvidia_driver(proc=pathlib.Path("/proc/driver/nvidia/version")):
    """The version of the kernel driver, or None where there is none."""
    try:
        words = proc.read_text()
    except OSError:
        # WSL has no such file, and the driver is Windows'.
        return "of WSL" if pathlib.Path("/dev/dxg").exists() else None
    found = re.search(r"Module(?: for \S+)?\s+([\d.]+)", words)
    return found[1] if found else words.split("\n")[0]


def missing_libraries(folders=None):
    """Names of `LIBRARIES` that neither pip's packages nor the system has."""
    if folders is None:
        folders = [
            p for root in sys.path for p in pathlib.Path(root).glob("nvidia/*/lib")
        ]
    return [name for name in LIBRARIES if not _can_open(name, folders)]


def _can_open(name, folders):
    files = [file for folder in folders for file in folder.glob(f"{name}.so*")]
    for candidate in [*map(str, files), *(f"{name}.so{end}" for end in _ENDS)]:
        try:
            ctypes.CDLL(candidate)
            return True
        except OSError:
            continue
    return False


_ENDS = ("", ".12", ".11", ".9", ".2", ".13", ".10")


def xla():
    """Whether a function that XLA compiled says what it says without."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(64, 64)), tf.float32)
    try:
        compiled = tf.function(_layer, jit_compile=True)(x)
        error = float(tf.reduce_max(tf.abs(compiled - _layer(x))))
    except tf.errors.OpError as failure:
        return _failed("XLA", failure, "Train with --nojit; --jit will not work here")
    verdict = PASS if error < 1e-3 else FAIL
    advice = "Do not use --jit here"
    return Check("XLA", verdict, f"error {error:.1e}", "under 1e-3", advice)


def _layer(x):
    return tf.nn.relu(tf.matmul(x, x)) * 0.1


def precisions():
    """Whether convolutions work in 16 bits, and how long they take."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(4, 32, 32, 64)), tf.float32)
    kernel = tf.constant(rng.normal(size=(3, 3, 64, 64)) / 24, tf.float32)
    exact = tf.nn.conv2d(x, kernel, 1, "SAME")
    milliseconds, wrong = {}, []
    for dtype in (tf.float32, tf.bfloat16, tf.float16):
        try:
            y, milliseconds[dtype.name] = _timed_conv(x, kernel, dtype)
            # Half precision keeps 8 or 11 bits of each number.
            if float(tf.reduce_max(tf.abs(tf.cast(y, tf.float32) - exact))) > 0.1:
                wrong.append(dtype.name)
        except tf.errors.OpError:
            wrong.append(dtype.name)
    return Check(
        "precision",
        WARN if wrong else PASS,
        ", ".join(f"{name} {ms:.1f} ms" for name, ms in milliseconds.items())
        + " for a convolution",
        "each to work; the fastest is worth --precision=mixed_...",
        f"{', '.join(wrong)} cannot be used here",
        {"milliseconds": milliseconds, "wrong": wrong, **_capability()},
    )


def _timed_conv(x, kernel, dtype):
    x, kernel = tf.cast(x, dtype), tf.cast(kernel, dtype)
    run = tf.function(lambda: tf.nn.conv2d(x, kernel, 1, "SAME"))
    y, seconds = run(), []
    for _ in range(3):
        began = time.perf_counter()
        run().numpy()
        seconds.append(time.perf_counter() - began)
    return y, 1000 * min(seconds)


def _capability():
    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(d) for d in devices]
    return {"capability": [d.get("compute_capability") for d in details]}


def several_devices():
    """Whether two devices add up numbers: GPUs where there are two, else parts of CPU.

    In a process of its own: a broken driver ends it without a word.
    """
    command = [sys.executable, "-c", ADDING]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        return adding_check(None, "")
    return adding_check(done.returncode, done.stdout + done.stderr)


ADDING = """
import os
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
for gpu in gpus:
    tf.config.experimental.set_memory_growth(gpu, True)
if len(gpus) > 1:
    strategy = tf.distribute.MirroredStrategy()
else:
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, parts)
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()
    )

@tf.function
def add():
    def one():
        context = tf.distribute.get_replica_context()
        number = tf.cast(context.replica_id_in_sync_group, tf.float32)
        mine = tf.fill([1000], 1.0 + number)
        return context.all_reduce("SUM", mine)
    return strategy.experimental_local_results(strategy.run(one))[0]

count = strategy.num_replicas_in_sync
kind = "GPUs" if len(gpus) > 1 else "parts of the CPU"
print("sum", float(add().numpy().mean()), "of", count, kind)
"""


def adding_check(code, text):
    """The verdict on the process that added: its exit code, None if it hung."""
    name, wanted = "several devices", "the sum of 1 .. n"
    advice = (
        "Use --strategy=one, or look for a driver and NCCL that fit: NCCL_DEBUG=INFO "
        "makes it talk"
    )
    found = re.search(r"sum ([\d.]+) of (\d+) (.+)", text)
    if code == 0 and found:
        total, count = float(found[1]), int(found[2])
        right = total == count * (count + 1) / 2
        measured = f"{count} {found[3]} added to {total:g}"
        return Check(name, PASS if right else FAIL, measured, wanted, advice)
    if code is None:
        measured = "nothing after three minutes"
    elif code < 0:
        measured = f"ended by {signal.Signals(-code).name}"
    else:
        measured = (text.strip().splitlines() or [f"exit code {code}"])[-1]
    return Check(name, FAIL, measured, wanted, advice)


def _failed(name, error, advice):
    words = (str(error).splitlines() or [type(error).__name__])[0]
    return Check(name, FAIL, words, "to run", advice)
