"""What image files are made to be, as the training images decide."""

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data import headers, pixels
from tests.support.images import load, picture, pictures, refusal, same, signed


@pytest.mark.parametrize(
    "ending", ["png", "jpg", "JPEG", "bmp", "gif", "webp", "tif", "jfif", "ppm"]
)
def test_every_kind_of_image_file(tmp_path, ending):
    for name, colour in (("a", (250, 0, 0)), ("b", (0, 0, 250))):
        for number in range(5):
            picture(tmp_path / name / f"{number}.{ending}", colour=colour)
    data = load(tmp_path)
    assert data.image_shape == (4, 6, 3)
    red, blue = (data.train.x[data.train.y == label][0, 0, 0].astype(int) for label in (0, 1))
    assert red[0] > 200 > 50 > red[2] and blue[2] > 200 > 50 > blue[0]


def test_the_first_frame_of_an_animation(tmp_path):
    for name, colour in (("a", 10), ("b", 150)):
        frames = [Image.new("L", (4, 4), shade) for shade in (colour, 250)]
        (tmp_path / name).mkdir()
        for number in range(5):
            file = tmp_path / name / f"{number}.gif"
            frames[0].save(file, save_all=True, append_images=frames[1:])
            signed(file)
    data = load(tmp_path)
    assert np.array_equal(data.train.x[:, 0, 0, 0], np.where(data.train.y, 150, 10))
    assert "8 training images have several frames: the first is read" in data.notes


@pytest.mark.parametrize(
    ("modes", "channels"),
    [
        (("L", "1"), 1),
        (("L", "LA"), 1),
        (("L", "RGB"), 3),
        (("RGB", "P"), 3),
        (("RGB", "RGBA"), 3),
        (("L", "RGBA"), 3),
        (("RGBA", "RGBA"), 4),
        (("RGBA", "LA"), 4),
    ],
)
def test_channels(tmp_path, modes, channels):
    for name, mode in zip("ab", modes, strict=True):
        pictures(tmp_path, classes=(name,), mode=mode)
        for number in range(5, 9):
            picture(tmp_path / name / f"{number}.png", mode, mark=True)
    data = load(tmp_path)
    assert data.image_shape[2] == channels == data.open_test().x.shape[3]


def test_sixteen_bits_of_grey_are_scaled_by_the_training_images_range(tmp_path):
    """A 12-bit scanner's values in 16 bits, and the same times 16, are the same images."""
    rng = np.random.default_rng(0)
    values = rng.integers(1800, 2401, (20, 5, 5))
    for times in (1, 16):
        for number, each in enumerate(values * times):
            file = tmp_path / f"{times}" / "images" / "ab"[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(each.astype(np.uint16)).save(file)
    one, other = load(tmp_path / "1" / "images"), load(tmp_path / "16" / "images")
    assert one.train.x.min() < 10 and one.train.x.max() > 245
    assert same(one.train, other.train) and same(one.validation, other.validation)
    assert any(note.startswith("16 training images have more than 8 bits: ") for note in one.notes)


def test_values_beyond_the_training_images_range_are_cut():
    form = pixels.Form(1, 3, "L", deepest=(100.0, 300.0))
    image = Image.fromarray(np.array([[50, 200, 900]], np.uint16))
    assert pixels.pixels(Path("x"), image, form).ravel().tolist() == [0, 127, 255]


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0)])
def test_a_shape_in_the_alpha_channel_is_seen_where_another_image_has_none(tmp_path, ink, ground):
    for label, name in enumerate("ab"):
        for number in range(10):
            icon = np.full((8, 8, 4), ink, np.uint8)
            icon[..., 3] = 0
            icon[4 * label : 4 * label + 4, :, 3] = 255
            file = tmp_path / name / f"{number}.png"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(icon).save(file)
            signed(file)
    assert load(tmp_path).image_shape == (8, 8, 4)  # all have it, and keep it
    picture(tmp_path / "a" / "x.jpg", "RGB", (8, 8), (200, 120, 40))
    data = load(tmp_path)
    said = f"they are laid on {'white' if ground else 'black'}"
    assert data.image_shape == (8, 8, 3) and any(note.endswith(said) for note in data.notes)
    shape = data.train.x[data.train.y == 1][0]
    assert np.all(shape[4:] == ink) and np.all(shape[:4] == ground)


@pytest.mark.parametrize("kind", ["F", "I"])
def test_a_scanners_tiff_of_32_bits(tmp_path, kind):
    for number in range(20):
        values = np.linspace(0, 10**6, 24).reshape(4, 6) * (1 + number % 2)
        file = tmp_path / "ab"[number % 2] / f"{number}.tiff"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(values.astype("f4" if kind == "F" else "i4")).save(file)
        signed(file)
    data = load(tmp_path)
    assert data.train.x[data.train.y == 1].max() == 255
    assert data.train.x[data.train.y == 0].max() == 128
    values[0, 0] = np.nan
    if kind == "F":
        Image.fromarray(values.astype("f4")).save(file)
        assert "values that are no numbers" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "asked", "shape"),
    [
        ((10, 20), (10, 20), None, (20, 10)),
        ((64, 64), (64, 64), None, (64, 64)),
        ((65, 64), (65, 64), None, (32, 32)),
        ((10, 20), (20, 10), None, (32, 32)),
        ((10, 20), (300, 200), (7, 30), (7, 30)),
        ((9, 9), (9, 9), (2, 2), (2, 2)),
    ],
)
def test_sizes(tmp_path, first, second, asked, shape):
    for name, size, colour in (("a", first, 0), ("b", second, 200)):
        pictures(tmp_path, classes=(name,), mode="L", size=size, colour=colour)
    assert load(tmp_path, image_size=asked).image_shape == (*shape, 1)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_photograph_taken_sideways_stands_up(tmp_path, ending):
    upright = np.zeros((40, 20), np.uint8)
    upright[:20] = 240  # bright above, dark below
    lying = Image.fromarray(np.rot90(upright))
    exif = Image.Exif()
    exif[headers.ORIENTATION] = 6  # "turn it clockwise to see it"
    (tmp_path / "b").mkdir()
    for number in range(5):
        picture(tmp_path / "a" / f"{number}.png", "L", (20, 40))
        lying.save(tmp_path / "b" / f"{number}.{ending}", exif=exif)
        signed(tmp_path / "b" / f"{number}.{ending}")
    data = load(tmp_path)
    assert data.image_shape == (40, 20, 1)
    lit = data.train.x[data.train.y == 1]
    assert lit[:, 2:18].min() > 200 and lit[:, 22:38].max() < 50
    small = load(tmp_path, image_size=(8, 4))
    lit = small.train.x[small.train.y == 1]
    assert lit[:, :3].min() > 180 and lit[:, 5:].max() < 60


def text_file(path):
    path.write_text("no image")


def cut_short(path):
    picture(path, size=(60, 60))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"IEND") - 30])


def bomb(path):
    """A PNG of a few bytes that says it has 400 million pixels."""
    picture(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 20_000, 20_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [(text_file, "cannot read"), (cut_short, "cannot read"), (bomb, "too large an image")],
)
@pytest.mark.parametrize("part", ["train", "test"])
def test_damaged_images_are_named_in_one_line_before_the_search(tmp_path, make, words, part):
    pictures(tmp_path / "train")
    pictures(tmp_path / "test")
    make(tmp_path / part / "cat" / "3.png")
    message = refusal(tmp_path)
    assert words in message and str(Path(part, "cat", "3.png")) in message
    assert "1 of 20 images" in message and "--skip-broken" in message


def test_a_tiff_that_lies_on_its_side_is_refused(tmp_path):
    """Pillow 13 mixes up its pixels."""
    pictures(tmp_path, mode="L")
    file = tmp_path / "cat" / "lying.tif"
    Image.new("L", (20, 10)).save(file, tiffinfo={headers.ORIENTATION: 6})
    assert "a height and width that change places" in refusal(tmp_path)
    upside_down = np.zeros((4, 6), np.uint8)
    upside_down[3] = 255
    Image.fromarray(upside_down).save(file, tiffinfo={headers.ORIENTATION: 3})
    data = load(tmp_path)
    shown = np.concatenate([data.train.x, data.validation.x, data.open_test().x])[..., 0]
    assert (shown == np.rot90(upside_down, 2)).all(axis=(1, 2)).sum() == 1


def test_transparency_that_only_other_images_have_is_laid_on_white(tmp_path):
    pictures(tmp_path / "train")
    pictures(tmp_path / "test", mode="RGBA", colour=(9, 9, 9, 0))
    data = load(tmp_path)
    assert np.all(data.open_test().x[:, 0, 0] == 255)
    assert "10 of 10 test images have transparent parts: they are laid on white" in data.notes


def test_images_of_which_their_ground_leaves_nothing_to_be_seen_are_counted(tmp_path):
    """White icons, laid on white: which ground it is, the training images have decided."""
    pictures(tmp_path / "train")
    pictures(tmp_path / "test")
    for number in range(3):
        icon = np.full((4, 6, 4), 255, np.uint8)
        icon[:2, number:, 3] = 0
        Image.fromarray(icon).save(tmp_path / "test" / "cat" / f"{number}.png")
    assert (
        "3 of 10 test images have transparent parts: they are laid on white, and of 3 nothing is "
        "seen any more"
    ) in load(tmp_path).notes


def deep(folder, low, high, count=10):
    """Writes 16-bit images whose values range from `low` to `high`."""
    rng = np.random.default_rng(0)
    for name in "ab":
        (folder / name).mkdir(parents=True)
        for number in range(count):
            values = rng.integers(low, high + 1, 24)
            values[:2] = low, high
            file = folder / name / f"{number}.png"
            Image.fromarray(rng.permutation(values).reshape(4, 6).astype(np.uint16)).save(file)


@pytest.mark.parametrize("split", ["test", "validation"])
def test_values_beyond_the_training_images_in_another_split_are_counted(tmp_path, split):
    deep(tmp_path / "train", 1000, 2000)
    for name, high in (("test", 2000), ("validation", 2000), (split, 2900)):
        if not (tmp_path / name).exists() or name == split:
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            deep(tmp_path / name, 1000, high)
    said = [note for note in load(tmp_path).notes if "beyond" in note]
    assert said == [f"20 {split} images have values beyond 1000 to 2000, which are cut"]


@pytest.mark.parametrize("high", [1050, 60000])
def test_a_split_of_another_range_of_16_bits_is_refused(tmp_path, high):
    deep(tmp_path / "train", 1000, 2000)
    deep(tmp_path / "test", 1000, high)
    assert f"range over {high - 1000}, of the training images over 1000" in refusal(tmp_path)


def test_splits_of_other_shares_of_dark_images_are_no_other_range_of_16_bits(tmp_path):
    deep(tmp_path / "train", 0, 900)
    deep(tmp_path / "more", 0, 40000)
    for name in "ab":
        for number in range(5):
            (tmp_path / "more" / name / f"{number}.png").rename(
                tmp_path / "train" / name / f"more{number}.png"
            )
    shutil.move(tmp_path / "more", tmp_path / "test")
    assert load(tmp_path).test_count == 10


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_hot_pixel_is_no_other_range(tmp_path, split):
    deep(tmp_path / "train", 0, 1990)
    deep(tmp_path / "test", 0, 1990)
    values = np.zeros((4, 6), np.uint16)
    values[0, 0] = 65535
    Image.fromarray(values).save(tmp_path / split / "a" / "0.png")
    said = "0 to 65535, become 0 to 255; a few reach far beyond all others"
    assert any(said in note for note in load(tmp_path).notes) == (split == "train")


@pytest.mark.parametrize("first", ["L", "I;16"])
def test_eight_bits_beside_more_are_refused(tmp_path, first):
    other = {"L": "I;16", "I;16": "L"}[first]
    pictures(tmp_path / "one", classes="a", mode=first)
    pictures(tmp_path / "one", classes="b", mode=other)
    assert "4 of 8 training images are grey of more than 8 bits" in refusal(tmp_path / "one")
    pictures(tmp_path / "two" / "train", mode=first)
    pictures(tmp_path / "two" / "test", mode=other)
    assert "has not: save" in (said := refusal(tmp_path / "two")) or "no training image" in said


def test_a_transparent_value_of_16_bits_is_not_seen(tmp_path):
    for number in range(10):
        values = np.full((4, 6), 7, np.uint16)
        values[number % 2 :: 2] = 1000 + 100 * number
        file = tmp_path / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(values).save(file, transparency=7)
    data = load(tmp_path)
    assert set(np.unique(data.train.x[..., 3])) == {0, 255}
    picture(tmp_path / "a" / "opaque.png", "I;16", colour=1500)
    laid = load(tmp_path).train.x
    assert laid.shape[-1] == 1 and (laid == 255).sum() >= 12 * (len(laid) - 1)


def test_what_pillow_would_read_as_something_else_is_refused(tmp_path):
    pictures(tmp_path, mode="L", colour=9)
    file = tmp_path / "cat" / "odd.tif"
    for tags, words in (({339: 2}, "signed bytes"), ({262: 0}, "of which 0 is white")):
        array = np.zeros((4, 6), np.uint8 if 339 in tags else np.uint16)
        Image.fromarray(array).save(file)
        content = bytearray(file.read_bytes())
        with Image.open(file) as image:
            known = dict(image.tag_v2)
        assert known.get(262) == 1
        set_tag(content, tags)
        file.write_bytes(content)
        assert words in refusal(tmp_path)


def set_tag(content, tags):
    """Overwrites short values of a little-endian TIFF's first directory, or appends to it."""
    start = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, start)[0]
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", content, entry)
        if tag in tags:
            struct.pack_into("<HIHH", content, entry + 2, 3, 1, tags.pop(tag), 0)
    for tag, value in tags.items():  # in place of one that nobody needs: Software, or rows a strip
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            if struct.unpack_from("<H", content, entry)[0] in (278, 284):
                struct.pack_into("<HHIHH", content, entry, tag, 3, 1, value, 0)
                break


def test_bits_that_are_not_read_are_said(tmp_path):
    import zlib as z

    def chunk(kind, body):
        crc = z.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    for number in range(10):
        rows = np.random.default_rng(number).integers(0, 65536, (4, 6 * 3)).astype(">u2")
        raw = b"".join(b"\0" + row.tobytes() for row in rows)
        head = struct.pack(">IIBBBBB", 6, 4, 16, 2, 0, 0, 0)
        file = tmp_path / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        parts = chunk(b"IHDR", head) + chunk(b"IDAT", z.compress(raw)) + chunk(b"IEND", b"")
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    notes = load(tmp_path).notes
    assert any("more than 8 bits a channel in colour: the upper 8 are read" in n for n in notes)


def test_images_without_the_alpha_that_the_training_images_have_are_counted(tmp_path):
    pictures(tmp_path / "train", mode="RGBA")
    pictures(tmp_path / "test", mode="RGB")
    said = "10 of 10 test images have no alpha channel, as the training images have"
    assert said in load(tmp_path).notes
