"""Broken and malicious files are one line of error, and nothing in them runs."""

import ast
import io
import os
import pathlib
import pickle
import struct
import zipfile

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from kzoo.weights.readers import READERS, read
from kzoo.weights.readers.torch_files import _MAGIC

GOLDEN = pathlib.Path(__file__).parents[1] / "golden/readers"
PREAMBLE = [_MAGIC, 1001, {"protocol_version": 1001, "little_endian": True}]


def refuse(path, *words):
    with pytest.raises(ValueError) as error:
        read(path)
    text = str(error.value)
    assert text.startswith(f"{path} cannot be read: ")
    assert "\n" not in text and len(text) < 500 + len(str(path))
    for word in words:
        assert word in text


class Command:
    """Unpickled, it runs a command."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def evil(tmp_path):
    """A pickle that leaves a file behind; the test proves that it would."""
    content = pickle.dumps(Command(tmp_path / "marker"), protocol=2)
    pickle.loads(content)
    (tmp_path / "marker").unlink()
    yield content
    assert not (tmp_path / "marker").exists()


def torch_zip(path, content, name="archive/data.pkl", **storages):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
        for key, numbers in storages.items():
            archive.writestr(f"archive/data/{key}", numbers)


def test_a_program_in_a_zip(evil, tmp_path):
    torch_zip(tmp_path / "file.pth", evil)
    refuse(tmp_path / "file.pth", "asks for posix.system", "runs no code")


@pytest.mark.parametrize("position", range(5))
def test_a_program_in_a_stream(evil, tmp_path, position):
    """In any of the five pickles, the first one included."""
    pickles = [pickle.dumps(x, protocol=2) for x in [*PREAMBLE, {}, []]]
    pickles[position] = evil
    (tmp_path / "file.pth").write_bytes(b"".join(pickles))
    refuse(tmp_path / "file.pth", "asks for posix.system", "runs no code")


@pytest.mark.parametrize("protocol", range(6))
def test_a_program_of_each_protocol(tmp_path, protocol):
    content = pickle.dumps(Command(tmp_path / "marker"), protocol=protocol)
    torch_zip(tmp_path / "file.pt", content)
    refuse(tmp_path / "file.pt", "posix.system")
    assert not (tmp_path / "marker").exists()


def test_functions_of_python_itself_are_not_known(tmp_path):
    for name in (b"builtins\neval", b"builtins\ngetattr", b"torch\nload"):
        torch_zip(tmp_path / "file.pth", b"\x80\x02c" + name + b"\n)R.")
        refuse(tmp_path / "file.pth", name.decode().replace("\n", "."))


@pytest.mark.parametrize(
    "content, word",
    [
        (b"\x80\x02K\x01)R.", "calls what is no function"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "calls what is no function"),
        (b"\x80\x02K\x01K\x02\x81.", "NEWOBJ"),
        (b"\x80\x02(K\x01ios\nsystem\n.", "INST"),
        (b"\x80\x02.", "takes more than it has"),
        (b"\x80\x02(K\x01s.", "takes more"),
        (b"\x80\x02K\x01K\x02K\x03s.", "adds to no dict"),
        (b"\x80\x02h\x05.", "KeyError 5"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "no state dict"),
        (b"\x80\x02K\x01Q.", ""),
        (b"\x80\x02]q\x00(h\x00h\x00e.", "no state dict"),
        (b"\x80\x02X\xff\xff\xff\x7fabc.", ""),
        (b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", ""),
        (b"\x80\x02}\x80", ""),
        # Tuples in tuples, whose hash or text would take the machine down.
        (b"\x80\x02})" + b"\x85" * 10**5 + b"K\x01s.", "tuple for a name"),
        (b"\x80\x04(" + b"2" * 3 + b".", "instruction DUP"),
        (b"\x80\x04)" + b"\x94h\x00\x86" * 40 + b"\x8c\x01a\x93.", "for a name"),
        (b"\x80\x02ccollections\nOrderedDict\n])\x86aa\x85R.", ""),
        (b"", ""),
    ],
)
def test_pickles_that_are_no_state_dict(tmp_path, content, word):
    torch_zip(tmp_path / "file.pth", content)
    refuse(tmp_path / "file.pth", word)


def test_a_whole_module_is_no_state_dict():
    """What `torch.save(model)` writes names its class."""
    refuse(GOLDEN / "module.pth", "torch.nn.modules.linear.Linear", "state dict")


def tensor(offset, shape, strides, count=4):
    """The pickle of {"a": a tensor} on a storage "0" of float32."""

    def integers(values):
        return b"(" + b"".join(b"J" + struct.pack("<i", v) for v in values) + b"t"

    return (
        b"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n(("
        b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000"
        b"X\x03\x00\x00\x00cpuJ" + struct.pack("<i", count) + b"tQ"
        b"J"
        + struct.pack("<i", offset)
        + integers(shape)
        + integers(strides)
        + b"\x89}tRs."
    )


def test_tensors_are_views_of_their_storage(tmp_path):
    numbers = np.arange(4, dtype="<f4").tobytes()
    torch_zip(tmp_path / "file.pth", tensor(1, (2, 2), (0, 2)), **{"0": numbers})
    np.testing.assert_array_equal(read(tmp_path / "file.pth")["a"], [[1, 3], [1, 3]])


@pytest.mark.parametrize(
    "row",
    [
        (0, (2, 3), (3, 1)),
        (4, (1,), (1,)),
        (-1, (1,), (1,)),
        (0, (2,), (-1,)),
        (0, (-2,), (1,)),
        (0, (2, 2), (1,)),
        (2**31 - 1, (2**31 - 1,) * 3, (2**31 - 1,) * 3),
        (0, (5,), (1,), 5),
    ],
)
def test_tensors_that_look_beyond_their_storage(tmp_path, row):
    numbers = np.arange(4, dtype="<f4").tobytes()
    torch_zip(tmp_path / "file.pth", tensor(*row), **{"0": numbers})
    refuse(tmp_path / "file.pth")


def test_a_storage_that_is_not_there(tmp_path):
    torch_zip(tmp_path / "file.pth", tensor(0, (4,), (1,)))
    refuse(tmp_path / "file.pth", "archive/data/0")


def golden(tmp_path, name):
    return tmp_path / f"file.{name.partition('.')[2]}", (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", ["zip.pth", "stream.pth"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_truncated_pytorch_files(tmp_path, name, share):
    path, content = golden(tmp_path, name)
    path.write_bytes(content[: int(share * len(content))])
    refuse(path)


def test_text_for_a_file(tmp_path):
    for ending in READERS:
        path = tmp_path / f"file{ending}"
        path.write_text("<!DOCTYPE html><title>404 Not Found</title>\n")
        refuse(path)


def test_bytes_of_chance(tmp_path):
    rng = np.random.default_rng(0)
    for ending in READERS:
        for size in (0, 1, 7, 100, 5000):
            path = tmp_path / f"file{ending}"
            path.write_bytes(rng.bytes(size))
            refuse(path)


def test_one_changed_byte_never_breaks_the_reader(tmp_path):
    """Either a file is read or it is refused in one line."""
    rng = np.random.default_rng(0)
    for name in ("zip.pth", "stream.pth"):
        path, content = golden(tmp_path, name)
        for _ in range(200):
            changed = bytearray(content)
            changed[rng.integers(len(content))] = rng.integers(256)
            path.write_bytes(changed)
            try:
                read(path)
            except ValueError as error:
                assert "\n" not in str(error)


def claim_size(path):
    """The zip archive at `path` says that its entries have 4 GB each."""
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = content.find(signature)
        while start >= 0:
            content[start + at : start + at + 4] = b"\xfe\xff\xff\xff"
            start = content.find(signature, start + 4)
    path.write_bytes(content)


@pytest.mark.parametrize("ending", [".pth", ".npz", ".keras"])
def test_archives_that_say_to_be_huge(tmp_path, ending):
    path = tmp_path / f"file{ending}"
    names = {".pth": "a/data.pkl", ".npz": "a.npy", ".keras": "model.weights.h5"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(names[ending], bytes(1000))
    claim_size(path)
    refuse(path, "say to hold 4,294,967,294")


def test_hdf5_that_says_to_be_huge(tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("conv/kernel", (2**40,), "f4", chunks=(2**20,))
    refuse(path, "say to hold")
    with zipfile.ZipFile(tmp_path / "file.keras", "w") as archive:
        archive.write(path, "model.weights.h5")
    refuse(tmp_path / "file.keras", "say to hold")


def test_an_array_that_says_to_be_huge(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": (2**45,)}
    )
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("a.npy", buffer.getvalue())
    refuse(tmp_path / "file.npz")


def test_a_pickle_in_an_npz(tmp_path):
    np.savez(tmp_path / "file.npz", a=np.array([Command(tmp_path / "marker")]))
    refuse(tmp_path / "file.npz", "Object arrays")
    assert not (tmp_path / "marker").exists()


def hdf5(path):
    file = h5py.File(path, "w")
    file.attrs["layer_names"] = [b"conv"]
    file.create_group("conv").attrs["weight_names"] = [b"kernel:0"]
    return file


def test_hdf5_that_points_to_another_file(tmp_path):
    """Keras has had this hole: weights that are somebody's secrets."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.ones(4)
    with hdf5(tmp_path / "link.h5") as file:
        file["conv"]["kernel:0"] = h5py.ExternalLink("secret.h5", "secret")
    refuse(tmp_path / "link.h5", "points to another file")
    with hdf5(tmp_path / "raw.h5") as file:
        raw = [(str(tmp_path / "secret.h5"), 0, 32)]
        file["conv"].create_dataset("kernel:0", (4,), "f8", external=raw)
    refuse(tmp_path / "raw.h5", "points to another file")
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "secret", (4,))
    with hdf5(tmp_path / "virtual.h5") as file:
        file["conv"].create_virtual_dataset("kernel:0", layout)
    refuse(tmp_path / "virtual.h5", "points to another file")


def test_hdf5_with_names_of_nothing(tmp_path):
    hdf5(tmp_path / "file.h5").close()
    refuse(tmp_path / "file.h5", "kernel:0")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 30,
        b"\x12\x7fabc",
        b"\x0b\x0c",
        b"\x0a\x03net",
        b"\x12\x04\x0a\x02\x0a\x00",
        b"\xa2\x06\x10\x0a\x01a\x3a\x0b\x2a\x04\x00\x00\x80\x3f\x3a\x03\x0a\x01\x09",
        b"\xa2\x06\x0a\x0a\x01a\x3a\x05\x2a\x03\x00\x00\x80",
    ],
)
def test_caffemodels_that_are_none(tmp_path, content):
    (tmp_path / "net.caffemodel").write_bytes(content)
    refuse(tmp_path / "net.caffemodel")


def test_tflite_that_only_begins_like_one(tmp_path):
    for rest in (b"", b"\x00" * 100, b"\xff" * 100):
        (tmp_path / "net.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + rest)
        refuse(tmp_path / "net.tflite")


def test_half_a_safetensors(tmp_path):
    save_file({"a": np.ones(100)}, tmp_path / "file.safetensors")
    content = (tmp_path / "file.safetensors").read_bytes()
    (tmp_path / "file.safetensors").write_bytes(content[:-8])
    refuse(tmp_path / "file.safetensors")


def test_no_module_of_ours_can_run_a_pickle():
    """Neither by importing what does, nor by asking NumPy for it."""
    root = pathlib.Path(__file__).parents[2]
    files = [
        f
        for part in ("kzoo", "recipes", "export")
        for f in root.glob(f"{part}/**/*.py")
    ]
    assert len(files) > 50
    for file in files:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            names = [getattr(x, "name", x) for x in getattr(node, "names", [])]
            names.append(getattr(node, "module", None))
            names = {str(name).partition(".")[0] for name in names}
            assert not names & {"pickle", "dill", "joblib", "marshal", "shelve"}, file
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert node.value.value is False, file
