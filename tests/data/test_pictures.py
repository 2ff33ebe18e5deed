"""Every kind of picture becomes the pixels that a viewer shows, or a clear sentence."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kzoo.data
from kzoo.data import pictures

RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 200, 40), (30, 40, 220), (250, 250, 250)
# What a viewer shows: 24 x 16 pixels of four colours.
SHOWN = np.zeros((16, 24, 3), np.uint8)
SHOWN[:8, :12], SHOWN[:8, 12:], SHOWN[8:, :12], SHOWN[8:, 12:] = RED, GREEN, BLUE, WHITE
PICTURE = Image.fromarray(SHOWN)
GREY = np.asarray(PICTURE.convert("L"))

# EXIF 2.3, tag 0x0112: which side of the picture the stored row 0 and column 0 are.
STORED_AS = {
    1: lambda x: x,  # top, left
    2: lambda x: x[:, ::-1],  # top, right
    3: lambda x: x[::-1, ::-1],  # bottom, right
    4: lambda x: x[::-1],  # bottom, left
    5: lambda x: x.transpose(1, 0, 2),  # left, top: row 0 is the left side
    6: lambda x: x.transpose(1, 0, 2)[::-1],  # right, top
    7: lambda x: x.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
    8: lambda x: x.transpose(1, 0, 2)[:, ::-1],  # left, bottom
}


def saved(folder, name, image, **settings):
    image.save(folder / name, **settings)
    return folder / name


@pytest.mark.parametrize(
    "name, image, settings",
    [
        ("rgb.png", PICTURE, {}),
        ("palette.png", PICTURE.quantize(8), {}),
        ("palette_transparent.png", PICTURE.quantize(8), {"transparency": 0}),
        ("rgba.png", Image.fromarray(np.dstack([SHOWN, SHOWN[..., 0]])), {}),
        ("a.bmp", PICTURE, {}),
        ("a.gif", PICTURE.quantize(8), {}),
        ("a.webp", PICTURE, {"lossless": True}),
        ("a.tif", PICTURE, {}),
        ("upper.JPG", PICTURE, {"format": "PNG"}),  # the name is not believed
    ],
)
def test_lossless_kinds_give_the_very_pixels(tmp_path, name, image, settings):
    read = kzoo.data.read(saved(tmp_path, name, image, **settings))
    np.testing.assert_array_equal(read, SHOWN)


@pytest.mark.parametrize(
    "name, image",
    [
        ("grey.png", Image.fromarray(GREY)),
        ("grey_alpha.png", Image.fromarray(GREY).convert("LA")),
        ("grey.bmp", Image.fromarray(GREY)),
        ("grey.jpg", Image.fromarray(GREY)),
        ("deep.png", Image.fromarray(GREY.astype(np.uint16) * 257)),
        ("deep.tif", Image.fromarray(GREY.astype(np.uint16) * 257)),
    ],
)
def test_grey_becomes_three_equal_channels(tmp_path, name, image):
    read = kzoo.data.read(saved(tmp_path, name, image)).astype(int)
    assert np.abs(read - GREY[..., None]).max() <= (3 if "jpg" in name else 0)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_jpeg_is_near_the_picture(tmp_path, mode):
    path = saved(tmp_path, "a.jpg", PICTURE.convert(mode), quality=95)
    error = np.abs(kzoo.data.read(path).astype(int) - SHOWN)
    assert np.median(error) <= 6


def test_jpeg_is_decoded_as_pillow_does_to_the_last_bit(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 30, 3)).astype(np.uint8)
    path = saved(tmp_path, "a.jpg", Image.fromarray(noise))
    np.testing.assert_array_equal(
        kzoo.data.read(path), np.asarray(Image.open(path).convert("RGB"))
    )


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_turned_photograph_is_read_as_it_is_shown(tmp_path, orientation):
    stored = Image.fromarray(np.ascontiguousarray(STORED_AS[orientation](SHOWN)))
    exif = Image.Exif()
    exif[pictures.EXIF_ORIENTATION] = orientation
    path = saved(tmp_path, "a.jpg", stored, exif=exif, quality=95)
    read = kzoo.data.read(path)
    assert read.shape == SHOWN.shape
    assert np.median(np.abs(read.astype(int) - SHOWN)) <= 6
    assert pictures.look(path).shown == (24, 16)


def test_one_pixel_is_a_picture(tmp_path):
    path = saved(tmp_path, "a.png", PICTURE.crop((0, 0, 1, 1)))
    np.testing.assert_array_equal(kzoo.data.read(path), [[RED]])


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    first, second = (Image.new("RGB", (9, 9), colour) for colour in (RED, BLUE))
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=[second])
    assert np.all(kzoo.data.read(path) == RED)


def test_bytes_behind_the_picture_do_no_harm(tmp_path):
    path = saved(tmp_path, "a.jpg", PICTURE)
    path.write_bytes(path.read_bytes() + bytes(9000))
    assert kzoo.data.read(path).shape == (16, 24, 3)


def half(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "name, damage, sentence",
    [
        ("a.jpg", lambda data: b"", "empty: 0 bytes"),
        ("a.jpg", lambda data: b"hello there", "not a picture: its first bytes are"),
        ("a.jpg", half, "the picture cannot be decoded: image file is truncated"),
        ("a.png", half, "the picture cannot be decoded"),
    ],
)
def test_a_damaged_picture_is_named(tmp_path, name, damage, sentence):
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3)).astype(np.uint8)
    path = saved(tmp_path, name, Image.fromarray(noise))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError) as error:
        kzoo.data.read(path)
    assert str(error.value).startswith(f"{path}: {sentence}")


def test_no_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ValueError, match="none.jpg: there is no such picture"):
        kzoo.data.read(tmp_path / "none.jpg")
    with pytest.raises(ValueError, match="this is a folder, not a picture"):
        kzoo.data.read(tmp_path)


def test_damage_that_only_decoding_finds_names_the_file_inside_a_graph(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3)).astype(np.uint8)
    path = saved(tmp_path, "a.png", Image.fromarray(noise))
    data = bytearray(path.read_bytes())
    data[2000:2060] = bytes(60)
    path.write_bytes(data)

    @tf.function
    def decode(by_pillow):
        data = tf.io.read_file(str(path))
        return pictures.decode(data, by_pillow, False, str(path))

    assert pictures.look(path).native
    for by_pillow in (False, True):
        with pytest.raises(tf.errors.InvalidArgumentError, match=str(path)):
            decode(tf.constant(by_pillow))
