"""What is asked of image files before their pixels are."""

import struct

import numpy as np
import pytest
from PIL import Image

from search.data import headers
from tests.support.images import load, picture, pictures, refusal


def planar(path, values):
    """Writes an uncompressed TIFF of 16 bits whose channels lie apart; values are (C, H, W)."""
    channels, height, width = values.shape
    size = 2 * height * width
    data = 8
    bits = data + channels * size
    offsets, counts = bits + 2 * channels, bits + 2 * channels + 4 * channels
    directory = counts + 4 * channels
    tags = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, bits), (259, 3, 1, 1)),
        *((262, 3, 1, 2), (273, 4, channels, offsets), (277, 3, 1, channels)),
        *((278, 4, 1, height), (279, 4, channels, counts), (284, 3, 1, 2)),
    ]
    content = struct.pack("<2sHI", b"II", 42, directory) + values.astype("<u2").tobytes()
    content += struct.pack(f"<{channels}H", *[16] * channels)
    content += struct.pack(f"<{channels}I", *[data + size * c for c in range(channels)])
    content += struct.pack(f"<{channels}I", *[size] * channels)
    content += struct.pack("<H", len(tags))
    for tag, kind, count, value in tags:
        content += struct.pack("<HHII", tag, kind, count, value)  # little-endian: a short fits
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content + struct.pack("<I", 0))


def test_channels_of_16_bits_that_lie_apart_are_refused(tmp_path):
    """Pillow 13 takes their low and high bytes for two pixels."""
    for number in range(8):
        values = np.random.default_rng(number).integers(0, 1 << 16, (3, 5, 4))
        planar(tmp_path / "ab"[number % 2] / f"{number}.tif", values)
    assert "channels that lie apart" in refusal(tmp_path)


def test_a_large_photograph_is_read(tmp_path):
    pictures(tmp_path)
    Image.new("L", (12_000, 9_000), 77).save(tmp_path / "cat" / "big.jpg")
    assert any("9000x12000" in note for note in load(tmp_path, image_size=(4, 4)).notes)


def test_what_is_no_image_is_said_without_its_path_again(tmp_path):
    pictures(tmp_path)
    file = tmp_path / "cat" / "0.png"
    file.write_text("x")
    said = refusal(tmp_path)
    assert said.count(str(file)) == 1 and "of a kind that is not read" in said


def ppm(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P6\n4 4\n65535\n" + values.astype(">u2").tobytes())


@pytest.mark.parametrize(("most", "words"), [(65535, "the upper 8 are read"), (4000, "save them")])
def test_colour_of_more_than_8_bits_is_said_or_refused(tmp_path, most, words):
    rng = np.random.default_rng(0)
    for number in range(16):
        ppm(tmp_path / "ab"[number % 2] / f"{number}.ppm", rng.integers(0, most + 1, (4, 4, 3)))
    said = refusal(tmp_path) if most < 65535 else " ".join(load(tmp_path).notes)
    assert "more than 8 bits a channel in colour" in said and words in said


def test_headers_are_counted(tmp_path):
    for number in range(3):
        picture(tmp_path / f"{number}.png", "RGBA", (6, 4))
    files = sorted(tmp_path.glob("*.png"))
    found = headers.headers_of(files)
    assert found.sizes == {(4, 6): 3} and found.modes == {"RGBA": 3}
    assert found.transparent == files and not found.deep and not found.wide


@pytest.mark.parametrize(
    ("kind", "mode", "ending"), [("PPM", "L", "pgm"), ("PPM", "RGB", "ppm"), ("PPM", "1", "pbm")]
)
def test_netpbm_of_8_bits_is_read(tmp_path, kind, mode, ending):
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(6):
            image = Image.new("L", (4, 4), 20 * number)
            image.putpixel((number % 4, 0), 250 - ord(name))
            image.convert(mode).save(tmp_path / name / f"{number}.{ending}", kind)
    assert len(load(tmp_path).train.y) > 4
    (tmp_path / "a" / "plain.pgm").write_text("P2\n4 4\n255\n" + "7 200 9 4 " * 4)
    assert len(load(tmp_path).train.y) > 4


def test_alpha_that_hides_nothing_is_none(tmp_path):
    pictures(tmp_path / "train")
    pictures(tmp_path / "test", mode="RGBA", colour=(9, 9, 9, 255))
    assert not [note for note in load(tmp_path).notes if "transparent" in note]
    pictures(tmp_path / "two", mode="RGBA", colour=(9, 9, 9, 255))
    assert load(tmp_path / "two").image_shape[2] < 4


@pytest.mark.parametrize("most", [30_000, 8_500])
def test_dark_colour_of_16_bits_is_read(tmp_path, most):
    rng = np.random.default_rng(0)
    for number in range(16):
        ppm(tmp_path / "ab"[number % 2] / f"{number}.ppm", rng.integers(0, most + 1, (4, 4, 3)))
    assert "the upper 8 are read" in " ".join(load(tmp_path).notes)
