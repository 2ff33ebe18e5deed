"""recipes.classify from flags to files, on two batches."""

import csv
import json

import keras
import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image

import kzoo
from recipes import classify, common
from tests.recipes.conftest import program

SETTINGS = {
    "model": "lenet5_modern",
    "data": "digits",
    "image_size": ["32"],
    "train_examples": 16,
    "validation_examples": 10,
    "batch_size": 8,
    "epochs": 1,
    "evaluations": 1,
    "export": [],
}
HEAD = ("head_", "logits")  # how layers behind a backbone are named
MIXED = {
    "mixup": 0.2,
    "cutmix": 1.0,
    "rand_augment": "(layers=2, magnitude=5)",
    "crop": "padded(by=2)",
    "cutout": 8,
    "lighting": 0.1,
    "label_smoothing": 0.1,
}


def run(workdir, **settings):
    """recipes.classify with the smallest settings, and those given."""
    policy = keras.config.dtype_policy()
    settings = {**SETTINGS, **settings, "workdir": str(workdir)}
    try:
        with flagsaver.flagsaver(**settings):
            classify.main([])
    finally:
        keras.config.set_dtype_policy(policy)


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="session")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classify") / "first"
    run(folder, **MIXED, tta="flip", snapshots=True, export=["tflite_float32"])
    return folder


def test_every_file_of_a_run_is_there(workdir):
    names = "config.flags log.csv curves.png predictions.png confusion.png report.json"
    for name in [*names.split(), "checkpoint/state.npz", "model/model.json"]:
        assert (workdir / name).stat().st_size > 0, name
    assert (workdir / "export" / "model_float32.tflite").exists()
    assert (workdir / "snapshots" / "000002" / "model.json").exists()


def test_the_report_has_what_programs_rely_on(workdir):
    report = report_of(workdir)
    assert {"top1", "top5", "loss", "seconds", "commit", "versions"} <= set(report)
    matrix = np.array(report["confusion"])
    assert matrix.shape == (10, 10) and matrix.sum() == 10
    assert np.trace(matrix) / 10 == report["top1"]
    assert 0 < report["loss"] < 20
    assert set(report["tta"]) == {"views", "top1", "top5"}
    (row,) = report["formats"].values()
    assert set(row) == {"top1", "max_error", "bytes", "ms"}
    assert row["max_error"] < 1e-4 and row["top1"] == report["top1"]


def test_the_pictures_can_be_opened_and_are_not_empty(workdir):
    for name in ("curves.png", "predictions.png", "confusion.png"):
        picture = np.asarray(Image.open(workdir / name).convert("RGB"))
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_load_gives_the_trained_model_with_its_names_and_settings(workdir):
    model = kzoo.load(workdir)
    assert model.task.class_names == [str(digit) for digit in range(10)]
    assert model.task.label_smoothing == 0.1
    (seen,) = kzoo.predict(model, np.zeros((50, 70, 3), "uint8"))
    assert set(seen) == {"class", "name", "score", "scores"}


def test_config_flags_can_be_given_back(workdir):
    text = (workdir / "config.flags").read_text()
    for name in [*SETTINGS, *MIXED, "optimizer", "schedule", "patience"]:
        assert f"--{name}" in text or name == "patience", name
    with flagsaver.flagsaver():
        flags.FLAGS(["classify", f"--flagfile={workdir / 'config.flags'}"])
        assert flags.FLAGS.rand_augment == MIXED["rand_augment"]
        assert flags.FLAGS.model == "lenet5_modern"


def test_a_second_run_continues(tmp_path):
    run(tmp_path, **MIXED)
    before = (tmp_path / "checkpoint" / "state.npz").read_bytes()
    run(tmp_path, **MIXED)
    assert (tmp_path / "checkpoint" / "state.npz").read_bytes() == before
    run(tmp_path, **MIXED, epochs=2)
    steps = [row["step"] for row in csv.DictReader(open(tmp_path / "log.csv"))]
    assert steps == ["2", "4"]


def weights_of(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def test_a_run_starts_from_the_weights_of_another_and_keeps_what_is_frozen(
    workdir, tmp_path, capsys
):
    before = weights_of(kzoo.load(workdir))
    first = next(iter(before)).partition("/")[0]
    run(tmp_path, weights=str(workdir), freeze=[first], ema=0.0)
    after = weights_of(kzoo.load(tmp_path))
    assert "weights from" in capsys.readouterr().out
    for name, value in before.items():
        same = np.array_equal(value, after[name])
        assert same == name.startswith(f"{first}/"), name


def test_other_classes_get_a_new_head(workdir, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 255, (30, 9, 9, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(30) % 3)
    settings = {"train_examples": None, "validation_examples": None, "epochs": 0.1}
    run(
        tmp_path / "run",
        weights=str(workdir),
        data=f"npz:{tmp_path / 'a.npz'}",
        optimizer="sgd",
        learning_rate=0.0,
        ema=0.0,
        **settings,
    )
    model, before = kzoo.load(tmp_path / "run"), weights_of(kzoo.load(workdir))
    after = weights_of(model)
    assert model.output_shape == (None, 3)
    for name, value in before.items():
        if not name.startswith(HEAD):
            np.testing.assert_array_equal(value, after[name])


def test_a_lower_rate_of_the_backbone_moves_it_less(workdir, tmp_path):
    before = weights_of(kzoo.load(workdir))
    settings = {"weights": str(workdir), "optimizer": "sgd", "warmup": 0.0, "ema": 0.0}

    def moved(folder, **more):
        run(folder, **settings, learning_rate=0.01, schedule="constant", **more)
        after = weights_of(kzoo.load(folder))
        return {n: np.abs(after[n] - v).max() for n, v in before.items()}

    whole = moved(tmp_path / "a", epochs=0.5)
    part = moved(tmp_path / "b", epochs=0.5, backbone_learning_rate=0.001)
    # One step, which is as long as its rate.
    for name in before:
        share = 1.0 if name.startswith(HEAD) else 0.1
        assert part[name] == pytest.approx(share * whole[name], rel=0.01, abs=1e-7)


@pytest.mark.parametrize("probe", ["svm", "softmax"])
def test_a_probe_learns_digits_from_random_features(tmp_path, probe):
    run(tmp_path, probe=probe, train_examples=600, validation_examples=200)
    report = report_of(tmp_path)
    assert report["top1"] > 0.85
    found = kzoo.load(tmp_path)
    assert found.task.class_names[3] == "3"


def test_lbfgs_learns_some_digits_by_heart_and_draws_its_curve(tmp_path):
    run(tmp_path, optimizer="lbfgs", epochs=30, train_examples=32)
    rows = list(csv.DictReader(open(tmp_path / "log.csv")))
    assert len(rows) == 30 and float(rows[-1]["loss"]) < 0.05 * float(rows[0]["loss"])
    assert (tmp_path / "curves.png").exists() and "top1" in report_of(tmp_path)


def test_patience_ends_a_run_early(tmp_path):
    run(tmp_path, learning_rate=0.0, epochs=10, evaluations=10, patience=2, ema=0.0)
    steps = [int(row["step"]) for row in csv.DictReader(open(tmp_path / "log.csv"))]
    assert steps[-1] == 6 and report_of(tmp_path)["step"] == 2


def test_a_run_of_growing_pictures_continues(tmp_path):
    settings = {"model": "resnet20_cifar(width=0.25)", "progressive": ["16", "24"]}
    run(tmp_path, **settings, epochs=3)
    for name, side in (("size16", 16), ("size24", 24), ("", 32)):
        model = kzoo.load(tmp_path / name)
        assert model.input_shape == (None, side, side, 3)
    before = (tmp_path / "checkpoint" / "state.npz").read_bytes()
    run(tmp_path, **settings, epochs=3)
    assert (tmp_path / "checkpoint" / "state.npz").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("data", ["scenes", "folder", "voc"])
def test_every_kind_of_source_can_be_learnt_from(data, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    source, settings = data, {}
    if data != "scenes":
        source = f"{data}:{tmp_path / 'data'}"
        settings = {"train_examples": None, "validation_examples": None}
        make = {"folder": make_folder, "voc": make_voc}[data]
        make(tmp_path / "data")
    run(tmp_path / "run", data=source, **settings)
    assert report_of(tmp_path / "run")["top1"] is not None


def make_folder(folder):
    for split in ("train", "validation"):
        for number, name in enumerate(("cat", "dog")):
            for i in range(8):
                path = folder / split / name / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (20, 30 + i), (200 * number, 9 * i, 9)).save(path)


def make_voc(folder):
    from tests.data.conftest import VOC_OBJECT, painted, write

    for split in ("train", "validation"):
        stems = [f"{split}{i}" for i in range(8)]
        write(folder / "ImageSets" / "Main" / f"{split}.txt", "\n".join(stems))
        for i, stem in enumerate(stems):
            painted(folder / "JPEGImages" / f"{stem}.jpg")
            item = VOC_OBJECT.format(["cat", "dog"][i % 2], 0, 3, 3, 20, 20)
            xml = f"<annotation>{item}</annotation>"
            write(folder / "Annotations" / f"{stem}.xml", xml)


@pytest.mark.slow
def test_two_logical_devices_run_from_flags_to_files(tmp_path):
    settings = {**SETTINGS, **MIXED, "image_size": 32, "export": ""}
    words = [f"--{name}={value}" for name, value in settings.items()]
    words += [f"--workdir={tmp_path}", "--cpu_devices=2", "--strategy=mirrored"]
    code, text = program("recipes.classify", *words)
    assert code == 0, text
    assert "2 device(s)" in text and report_of(tmp_path)["top1"] is not None


@pytest.mark.slow
def test_two_workers_run_from_flags_to_files(tmp_path):
    settings = {**SETTINGS, **MIXED, "image_size": 32, "export": ""}
    words = [f"--{name}={value}" for name, value in settings.items()]
    launch = ["recipes.launch", "-n", 2, "--", "-m", "recipes.classify"]
    code, text = program(*launch, *words, f"--workdir={tmp_path}")
    assert code == 0, text
    assert "2 device(s)" in text and report_of(tmp_path)["top1"] is not None


def checked(*words):
    """What `python -m recipes.classify WORDS` checks before anything slow."""
    with flagsaver.flagsaver():
        common.set_defaults(**classify.DEFAULTS)
        flags.FLAGS(["classify", *words])
        classify.check_flags()


@pytest.mark.parametrize(
    "word, message",
    [
        ("--model=retinanet", "--model: no classification model 'retinanet'; kzoo has"),
        ("--crop=random", "--crop: no crop 'random'; kzoo has resized, scaled, padded"),
        ("--augment=mosaic", "--augment: no augmentation 'mosaic'; it is usual, none"),
        ("--crop=padded(to=4)", "--crop: padded has no argument 'to'; it has by, ref"),
        ("--rand_augment=(n=2)", "--rand_augment: it has no argument 'n'; it has lay"),
        (
            "--rand_augment=(layers=0)",
            "rand_augment(layers=0, magnitude=9, of=10): lay",
        ),
        (
            "--optimizer=lion",
            "flag --optimizer=lion: no optimizer 'lion'; kzoo has sgd",
        ),
        (
            "--optimizer=sgd(beta=1)",
            "flag --optimizer=sgd(beta=1): sgd has no argument",
        ),
        ("--schedule=cosin", "flag --schedule=cosin: no schedule 'cosin'; kzoo has"),
        (
            "--schedule=step(to=2)",
            "flag --schedule=step(to=2): step has no argument 't",
        ),
        ("--loss=l2", "flag --loss=l2: value should be one of <cross_entropy|hinge|"),
        ("--tta=twelve", "flag --tta=twelve: value should be one of <none|flip|"),
        (
            "--progressive=a",
            "flag --progressive=['a']: --progressive takes sides in pi",
        ),
        ("--mixup=-1", "flag --mixup=-1: -1.0 is not a non-negative number"),
        ("--patience=0", "flag --patience=0: 0 is not a positive integer"),
        ("--export=coreml", "--export: no format 'coreml'; kzoo has saved_model, tfl"),
    ],
)
def test_a_wrong_flag_is_one_line_that_names_the_choices(word, message):
    with pytest.raises((ValueError, flags.Error)) as error:
        checked(word)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"loss": "hinge", "mixup": 0.2},
            "--mixup needs --loss=cross_entropy, not hinge, which takes one class a ",
        ),
        ({"freeze": ["stage9"]}, "has no layer 'stage9'...; its layers begin with "),
        ({"batch_size": 5, "mixup": 0.2}, "5 pictures cannot be mixed in pairs: "),
        (
            {"learning_rate": 0.0, "backbone_learning_rate": 0.1},
            "--backbone_learning_rate needs a --learning_rate above 0",
        ),
        ({"data": "npz:/nowhere"}, "npz:/nowhere: there is no folder '/nowhere'"),
    ],
)
def test_what_cannot_be_trained_is_told(settings, message, tmp_path):
    with pytest.raises(ValueError) as error:
        run(tmp_path, **settings)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.slow
def test_evaluate_predict_and_export_serve_a_classifier(workdir, tmp_path):
    report = report_of(workdir)
    place = ["--data=digits", "--split=validation", "--examples=10"]
    scores = tmp_path / "scores.json"
    file = workdir / "export" / "model_float32.tflite"
    for model in (workdir, file, f"{workdir},{file}"):
        words = [f"--model={model}", *place, f"--output={scores}"]
        code, text = program("recipes.evaluate", *words)
        assert code == 0, text
        assert json.loads(scores.read_text())["top1"] == report["top1"]
        assert json.loads(scores.read_text())["loss"] == pytest.approx(
            report["loss"], abs=1e-3
        )
    Image.new("L", (30, 20), 70).save(tmp_path / "a.png")
    words = [f"--model={workdir}", f"--output={tmp_path / 'seen'}", tmp_path / "a.png"]
    code, text = program("recipes.predict", *words)
    assert code == 0, text
    (seen,) = json.loads((tmp_path / "seen" / "predictions.json").read_text()).values()
    assert len(seen["scores"]) == 10 and (tmp_path / "seen" / "a.png").exists()
    words = [f"--model={workdir}", f"--output={tmp_path / 'out'}", "--precision=int8"]
    code, text = program("export.tflite", *words, "--data=digits", "--calibration=100")
    assert code == 0, text
    words = [f"--model={workdir}", f"--output={tmp_path / 'out'}", *place]
    code, text = program("export.check", *words)
    assert code == 0 and "top1" in text and "model_int8.tflite" in text, text
