"""What is bad in the input, and the sentence that a person then reads.

FOLDER stands for the folder that the input is made in. A sentence that ends with ...
goes on with a list, or in the words of another library.
"""

import math

import numpy as np
import pytest
from absl import flags
from PIL import Image

import kzoo
from kzoo import prediction
from recipes import program
from tests.bad_input import (
    CAT,
    H5,
    PICTURE,
    RED,
    ROW,
    as_it_is,
    as_maker,
    classes,
    coco,
    coco_row,
    command_line,
    continue_run,
    cut,
    flip,
    model,
    open_data,
    picture,
    resnet34,
    restore,
    run_of,
    state,
    text,
    turned,
    voc,
    weights_of,
    workdir_of,
    yolo,
    yolo_names,
)
from tests.test_saving import classifier

# A program shows these as one line: "error: SENTENCE".
SHOWN = (*program.MENDABLE, flags.Error)
JSON = "FOLDER/annotations/instances_train.json"
XML = "FOLDER/Annotations/a.xml"
TXT = "FOLDER/labels/train/a.txt"
OUTSIDE = "leaves the picture of 40 x 30 pixels"
FLAT = "has no area: xmin, ymin, xmax, ymax"
NAN = "is not made of finite numbers"
REMEDY = "\nMend the files, or leave such rows out with bad_data='skip'."
CUT = "the picture cannot be decoded: image file is truncated"
READ = "cannot be read as a picture:"
SHAPES = "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4); got"
FINITE = "made of finite numbers in 0..255; got"
SIZE = "--image_size takes a side or height,width, in pixels: 256 or 192,256"
DAMAGED = "is damaged or no state of a run at all."
AGAIN = " Put back a copy, or remove it to start the run anew"
FLAGS_THERE = ": use another --workdir, or the flags in its config.flags"
BACKBONE = {"builder": "retinanet", "arguments": {"backbone": {"builder": "x"}}}
HOLD = "does not hold the weights of"
OTHER = "it is of another model, or a part of it is missing"

# (name, maker, taker, how each sentence starts, how it ends): rows of what the maker is
# given, and the sentence.
TABLES = {
    ("picture", as_maker, kzoo.data.read, "FOLDER", ""): [
        (text("a.jpg", ""), "/a.jpg: empty: 0 bytes"),
        (text("a.jpg", "hello"), "/a.jpg: not a picture: its first bytes are b'hello'"),
        (cut("a.jpg"), f"/a.jpg: {CUT}..."),
        (cut("a.png"), f"/a.png: {CUT}"),
        (cut("a.gif"), f"/a.gif: {CUT}..."),
        (cut("a.bmp"), f"/a.bmp: {CUT}..."),
        (cut("a.tif"), f"/a.tif: {CUT}..."),
        (cut("a.png", 2000), "/a.png: the picture cannot be decoded"),
        (lambda folder: folder, ": this is a folder, not a picture"),
        (lambda folder: folder / "a.jpg", "/a.jpg: there is no such picture"),
    ],
    ("picture to predict", as_maker, prediction.read, "", ""): [
        (text("a.jpg", ""), f"FOLDER/a.jpg {READ} it does not begin like one"),
        (cut("a.jpg"), f"FOLDER/a.jpg {READ} image file is truncated..."),
        (lambda folder: folder, f"FOLDER {READ} it is a folder"),
        (lambda folder: folder / "a.jpg", "no picture FOLDER/a.jpg"),
    ],
    ("array", as_it_is, prediction.read, "a picture is ", ""): [
        (np.zeros((3, 8, 8)), f"{SHAPES} (3, 8, 8)"),
        (np.zeros((0, 5, 3)), f"{SHAPES} (0, 5, 3)"),
        (np.full((4, 5), np.nan), f"{FINITE} float64 with others"),
        (np.array([["a"]]), f"{FINITE} <U1 with others"),
    ],
    ("COCO row", coco_row, open_data, f"{JSON}, annotations[1] (id ", REMEDY): [
        ({"bbox": [5, 6, 90, 4]}, f"2): box (5, 6, 95, 10) {OUTSIDE}"),
        ({"bbox": [5, 6, 0, 4]}, f"2): box (5, 6, 5, 10) {FLAT}"),
        ({"bbox": [5, 6, -1, 4]}, f"2): box (5, 6, 4, 10) {FLAT}"),
        ({"bbox": [5, 6, math.nan, 4]}, f"2): box (5, 6, nan, 10) {NAN}"),
        ({"bbox": [5, 6, 10**400, 4]}, "2): a number has more than 300 digits"),
        ({"bbox": [5, 6]}, "2): bbox is [5, 6], not [x, y, width, height]"),
        ({"bbox": [5, 6, 4, None]}, "2): None is not a number"),
        ({"iscrowd": "no"}, "2): 'no' is not a number"),
        ({"category_id": 5}, "2): there is no category 5"),
        ({"image_id": 8}, "2): there is no picture with id 8"),
        ({"image_id": [3]}, "2): image_id is [3], not a number or a word"),
        ({"id": 1}, "1): the id is used twice"),
    ],
    ("COCO list", coco, open_data, JSON, REMEDY): [
        ({"annotations": [None]}, ", annotations[0]: it is None, not an object"),
        ({"annotations": [{"id": 1}]}, ", annotations[0] (id 1): it has no 'image_id'"),
        ({"annotations": [{"bbox": []}]}, ", annotations[0]: it has no 'id'"),
        ({"images": [PICTURE, PICTURE]}, ", images[1]: the id 3 is used twice"),
        ({"images": [PICTURE, {}]}, ", images[1]: it needs an id and a file_name"),
        (
            {"images": [{**PICTURE, "width": 30, "height": 40}]},
            ", size (width, height): is (30, 40) here, but the picture has (40, 30) "
            "pixels",
        ),
    ],
    ("COCO file", coco, open_data, f"{JSON}: ", ""): [
        ("", "this is not JSON: ..."),
        ("[" * 10**5, "this is not JSON: ..."),
        ("[]", "this is not COCO JSON: it has no list 'images'"),
        ({"categories": None}, "this is not COCO JSON: it has no list 'categories'"),
        ({"annotations": {}}, "this is not COCO JSON: it has no list 'annotations'"),
        ({"categories": [{"id": 9}]}, "a category needs an id and a name"),
        ({"categories": [CAT, CAT]}, "two categories have one id"),
        (
            {"categories": [CAT, {**CAT, "id": "a"}]},
            "ids of categories are of one type, not 4, 'a'",
        ),
    ],
    ("VOC object", voc, open_data, f"{XML}, object 1 (cat): ", REMEDY): [
        ("5 6 80 25", f"box (4, 5, 80, 25) {OUTSIDE}"),
        ("9 6 5 25", f"box (8, 5, 5, 25) {FLAT}"),
        ("nan 6 20 25", f"box (nan, 5, 20, 25) {NAN}"),
        ("five 6 20 25", "'five' is not a number"),
        ("<a><object><name>cat</name></object></a>", "it has no bndbox/xmin"),
    ],
    ("VOC file", voc, open_data, f"{XML}", REMEDY): [
        ("<a><object/></a>", ", object 1 (None): it has no name"),
        ("<a>", ": this is not XML: no element found..."),
        (
            '<?xml version="1.0" encoding="rot"?><a/>',
            ": this is not XML: unknown encoding: rot",
        ),
    ],
    ("YOLO line", yolo, open_data, TXT, REMEDY): [
        ("0 20 15 5 5", f", line 1: box (700, 375, 900, 525) {OUTSIDE}"),
        ("0 .5 .5 -.2 .2", f", line 1: box (24, 12, 16, 18) {FLAT}"),
        ("0 nan .5 .2 .2", f", line 1: box (nan, 12, nan, 18) {NAN}"),
        ("0 .1 .1 .9 nan .9 .9", f", line 1: box (4, nan, 36, nan) {NAN}"),
        ("2 .5 .5 .2 .2", ", line 1: class 2 is not one of 0 to 1"),
        ("cat .5 .5 .2 .2", ", line 1: 'cat' is not a number"),
        ("0 .5", ", line 1: it has 2 words, not 5: class x y width height"),
        ("\xff", ": this is not text in UTF-8: ..."),
    ],
    ("YOLO names", yolo_names, open_data, "FOLDER/data.yaml: ", ""): [
        ("names: cat", "names is 'cat', not a list of names"),
        ("names: {0: cat, b: dog}", "names are numbered [0, 'b'], not 0, 1.."),
        ("names: [", "this is not a YAML mapping: ..."),
    ],
    ("data set", as_maker, open_data, "", ""): [
        (
            lambda folder: f"voc:{text('a.txt', '')(folder)}",
            "voc:FOLDER/a.txt: 'FOLDER/a.txt' is a file, not a folder",
        ),
        (lambda f: f"voc:{f}", "FOLDER: a VOC folder has a folder Annotations"),
        (lambda f: f"yolo:{f}", "yolo:FOLDER has no split 'train'; it has none"),
        (lambda f: f"folder:{f}", "folder:FOLDER has no usable example in 'train'"),
        (
            coco({"images": [], "annotations": []}),
            "coco:FOLDER has no usable example in 'train'",
        ),
        (
            voc("5 6 20 25", lost="a.jpg"),
            f"FOLDER/JPEGImages/a.jpg: there is no such picture{REMEDY}",
        ),
    ],
    ("flag", as_it_is, command_line, "", ""): [
        ("--model=resnet18", "--model: no detection model 'resnet18'; kzoo has ..."),
        ("--model=retinanet(", "'retinanet(' is no model; say a name or name(..."),
        ("--export=coreml", "--export: no format 'coreml'; kzoo has saved_model, ..."),
        (
            "--precision=fp8",
            "flag --precision=fp8: value should be one of <float32|...",
        ),
        ("--image_size=0", f"flag --image_size=['0']: {SIZE}"),
        ("--image_size=1,2,3", f"flag --image_size=['1', '2', '3']: {SIZE}"),
        ("--image_size=6\u00b2", f"flag --image_size=['6\u00b2']: {SIZE}"),
        ("--batch_size=0", "flag --batch_size=0: 0 is not a positive integer"),
        ("--epochs=-1", "flag --epochs=-1: -1.0 is not a non-negative number"),
        ("--anchor_scale=0", "flag --anchor_scale=0.0: --anchor_scale is above 0"),
        ("--batchsize=4", "Unknown command line flag 'batchsize'..."),
        (
            "--data=cocoa:x",
            "no data source 'cocoa:x'; it can be scenes, tfds:NAME, ...",
        ),
        ("--seed=1", "yolo:/nowhere: there is no folder '/nowhere'"),
    ],
    ("workdir", as_maker, workdir_of, "", ""): [
        (lambda folder: "", "say where the files go: --workdir=runs/NAME"),
        (text("a", ""), "FOLDER/a is a file; a workdir is a folder"),
    ],
    ("run", as_maker, continue_run, "FOLDER holds a run with ", FLAGS_THERE): [
        (run_of({"builder": "resnet50"}), "builder 'resnet50', not 'dropout'"),
        (run_of({"data": "coco"}), "data 'coco', not 'tiny'"),
    ],
    ("state", as_maker, restore, "FOLDER/state.npz ", AGAIN): [
        (state(lambda path, data: data[: len(data) // 2]), DAMAGED),
        (text("state.npz", "step,loss"), DAMAGED),
        (text("state.npz", ""), DAMAGED),
        (state(flip), "is damaged (Bad CRC-32 for file 'model/0000 one.kernel.npy')."),
        (state(format=7), "has format 7, and this version of kzoo reads 1."),
        (
            state(made=["dropout"]),
            "is of another model or optimizer: they differ in ...",
        ),
        (
            state(made=["plain", "adam"]),
            "is of another model or optimizer: they differ in ...",
        ),
    ],
    ("model.json", model, kzoo.load, "FOLDER/model/model.json", ""): [
        ({"builder": "resnet19"}, ": no model 'resnet19'; kzoo has ..."),
        ({"builder": "retinanet"}, ": retinanet has no argument 'width'; it has ..."),
        ({"class_names": ["one"]}, ": class_names are 2 names here, not ['one']"),
        ({"arguments": {"width": math.inf}}, ": cannot convert float infinity..."),
        (BACKBONE, ": a part has no 'arguments'"),
        (
            text("model.json", "{}"),
            " is not a kzoo model: no arguments, builder, class_names, task",
        ),
        (text("model.json", "hello"), " is damaged: ..."),
    ],
    ("weights", model, kzoo.load, f"FOLDER/model/{H5} {HOLD} ", ""): [
        (lambda folder: (folder / H5).unlink(), "resnet18: there is no such file"),
        (text(H5, "hello"), "resnet18: ..."),
        ({"builder": "resnet34"}, f"resnet34: {OTHER}"),
        (weights_of(resnet34), f"resnet18: {OTHER}"),
        (
            weights_of(lambda: classifier(seed=1)),
            "resnet18: it was changed since model.json was written",
        ),
    ],
}
CASES = [
    pytest.param(make(given), take, start, sentence, end, id=f"{name} {number}")
    for (name, make, take, start, end), rows in TABLES.items()
    for number, (given, sentence) in enumerate(rows, start=1)
]


@pytest.mark.parametrize("make, take, start, sentence, end", CASES)
def test_a_bad_input_is_this_sentence(make, take, start, sentence, end, tmp_path):
    made = make(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(SHOWN) as error:
        take(made)
    found = str(error.value).replace(str(tmp_path), "FOLDER")
    if sentence.endswith("..."):
        assert found.startswith(start + sentence.removesuffix("..."))
    else:
        assert found == start + sentence + end
    assert contents(tmp_path) == before


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


DEEP = Image.fromarray(np.full((40, 50), 0x80FF, np.uint16))
NO_INK = Image.new("CMYK", (50, 40))


@pytest.mark.parametrize("read", [kzoo.data.read, prediction.read])
@pytest.mark.parametrize(
    "make, size, colour",
    [
        (picture("a.gif"), (40, 50), RED),
        (picture("a.jpg", NO_INK), (40, 50), (255, 255, 255)),
        (picture("a.png", DEEP), (40, 50), (128, 128, 128)),  # the upper 8 bits
        (picture("a.tif", DEEP), (40, 50), (128, 128, 128)),
        (picture("a.png", Image.new("RGB", (1, 1), RED)), (1, 1), RED),
        (picture("a.png", exif=turned(6)), (50, 40), RED),
        (picture("a.png", damage=lambda x: x + bytes(9000)), (40, 50), RED),
    ],
    ids=["GIF", "CMYK", "16 bits", "16 bits TIFF", "1x1", "turned", "with a tail"],
)
def test_an_odd_picture_is_read_as_a_viewer_shows_it(
    read, make, size, colour, tmp_path
):
    image = read(make(tmp_path))
    assert image.shape == (*size, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[size[0] // 2, size[1] // 2], colour)


@pytest.mark.parametrize(
    "make, boxes, first, more",
    [
        (
            coco({"annotations": [ROW, {**ROW, "image_id": 8, "id": 2}, None]}),
            [[5, 6, 15, 18]],
            f"{JSON}, annotations[1] (id 2): there is no picture with id 8",
            ", and 1 more",
        ),
        (
            voc("9 6 5 25\n5 6 20 25\nnan 6 20 25"),
            [[4, 5, 20, 25]],
            f"{XML}, object 1 (cat): box (8, 5, 5, 25) {FLAT}",
            ", and 1 more",
        ),
        (
            yolo("0 .5 .5 .2 .2\n2 .5 .5 .2 .2"),
            [[16, 12, 24, 18]],
            f"{TXT}, line 2: class 2 is not one of 0 to 1",
            "",
        ),
        (
            classes(cut("b.gif"), cut("c.png"), text("d.jpg", "")),
            None,
            f"FOLDER/train/cat/b.gif: {CUT} (",
            ", and 2 more",
        ),
    ],
    ids=["COCO", "VOC", "YOLO", "folder"],
)
def test_skip_counts_tells_and_goes_on(make, boxes, first, more, tmp_path):
    words = make(tmp_path)
    source = open_data(words, "skip")
    assert len(source) == 1 and len(list(source.read())) == 1
    if boxes:
        np.testing.assert_allclose(source.example(0)["boxes"], boxes)
    report = source.report().replace(str(tmp_path), "FOLDER")
    words = words.replace(str(tmp_path), "FOLDER")
    assert report.startswith(f"{words} train: left out {first}")
    assert report.endswith(more or first)
