"""Tables of paths and labels."""

import pytest

from tests.support.images import load, pictures, refusal, same


@pytest.fixture
def folder(tmp_path):
    return pictures(tmp_path / "images", 10)


def table(folder, head, rows=None, name="images.csv"):
    rows = rows or [
        f"{f.relative_to(folder)},{f.parent.name}" for f in sorted(folder.rglob("*.png"))
    ]
    (folder / name).write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8-sig")
    return folder / name


@pytest.mark.parametrize("head", [["path,label"], ["Filename,Class"], []])
def test_a_table_is_what_the_folder_that_it_lists_is(folder, head):
    one = load(table(folder, head))
    (folder / "images.csv").unlink()
    other = load(folder)
    assert one.class_names == other.class_names and same(one.train, other.train)
    assert same(one.open_test(), other.open_test())
    assert {member.name for member in one.members} == {member.name for member in other.members}


def test_a_column_for_the_split(folder):
    rows = [
        f"{split},{name}/{number}.png,{name}"
        for name in ("cat", "dog")
        for number, split in enumerate(["train"] * 6 + ["val"] * 2 + ["test"] * 2)
    ]
    data = load(table(folder, ["split,file,target"], rows))
    assert (len(data.train.y), len(data.validation.y), data.test_count) == (12, 4, 4)
    assert "the split 'x': write train, val or test" in refusal(
        table(folder, ["split,file,target"], ["x,cat/0.png,cat", *rows[1:]])
    )


def test_three_columns_without_a_head_are_path_label_and_split(folder):
    rows = [
        f"{name}/{n}.png,{name},{'test' if n > 7 else 'train'}"
        for name in ("cat", "dog")
        for n in range(10)
    ]
    assert load(table(folder, [], rows)).test_count == 4


def test_columns_that_are_not_read_are_said(folder):
    rows = [f"{name}/{n}.png,{n},{name}" for name in ("cat", "dog") for n in range(10)]
    assert load(table(folder, ["path,x,label"], rows)).notes[0] == (
        "passed over: 1 columns of images.csv: x"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no paths and labels"),
        ("path\na.png\n", "no paths and labels"),
        ("a,b\nc,d\n", "no column for the path or the label"),
        ("path,label\ncat/0.png\n", "line 2 of"),
        ("path,label\ncat/77.png,cat\n", "cat/77.png, which"),
        ("path,label,split\ncat/0.png,cat,test\n", "no image for training"),
        ("path,label\n\udcff", "in UTF-8"),
        ("path,label\ncat/0.png,cat, black\n", "line 2 of"),
        ("path,label\n\ncat/0.png,\n", "line 3 of"),
        ('path,label\ncat/0.png,"cat\n', "in UTF-8"),
        ("path,label,class\ncat/0.png,cat,a\n", "label and class, which mean the same"),
        ("cat/0.png,cat\n./cat/0.png,dog\n", "lines 1 and 2 of"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_line(folder, text, words):
    (folder / "a.csv").write_bytes(text.encode(errors="surrogateescape"))
    assert words in refusal(folder / "a.csv")


@pytest.mark.parametrize("name", ["data set", "phase"])
def test_a_column_that_holds_splits_alone_is_the_split(tmp_path, name):
    pictures(tmp_path, 8)
    lines = [f"filepaths,labels,{name},"]
    for number in range(8):
        for label in ("cat", "dog"):
            split = "test" if number > 5 else "train"
            lines.append(f"{label}/{number}.png,{label},{split},")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    data = load(tmp_path / "t.csv")
    assert data.test_count == 4 and "passed over: 1 columns of t.csv: without a name" in data.notes


def test_a_table_with_semicolons_is_told_that_commas_are_read(tmp_path):
    (tmp_path / "t.csv").write_text("path;label\na.png;cat\n")
    assert "with commas between them" in refusal(tmp_path / "t.csv")


@pytest.mark.parametrize(("other", "same"), [("1", True), ("0", False)])
def test_of_a_number_and_a_name_of_the_same_class_the_name_is_read(tmp_path, other, same):
    pictures(tmp_path)
    lines = ["filename,label,class_name"]
    for number in range(5):
        lines += [f"cat/{number}.png,0,cat", f"dog/{number}.png,{other},dog"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    if same:
        assert load(tmp_path / "t.csv").class_names == ("cat", "dog")
    else:
        assert "which mean the same: keep one" in refusal(tmp_path / "t.csv")
