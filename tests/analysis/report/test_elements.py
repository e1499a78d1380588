"""What a report is made of: tables as CSV files, images as PNG files."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.report.elements import Table, sheet, to_csv, to_png


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_survives_as_png(channels):
    pixels = np.random.default_rng(1).integers(0, 256, (4, 7, channels), dtype=np.uint8)
    with Image.open(io.BytesIO(to_png(pixels))) as read:
        assert (np.asarray(read).reshape(4, 7, channels) == pixels).all()
    assert sheet([pixels] * 9).shape[2] == 4


def test_no_cell_of_a_csv_file_is_a_formula():
    frame = pd.DataFrame({"=a": ["=1+1", "@x", "plain"], "n": [-1.5, 2.0, np.nan]})
    head, *rows = csv.reader(to_csv(frame).decode().splitlines())
    assert head == ["'=a", "n"]
    assert rows == [["'=1+1", "-1.5"], ["'@x", "2.0"], ["plain", ""]]


def test_a_table_without_a_frame_is_written_as_it_reads():
    table = Table("t", ["a", "b"], [["x", "1,5"], ['"', "=2"]])
    assert list(csv.reader(table.csv().decode().splitlines())) == [
        ["a", "b"], ["x", "1,5"], ['"', "'=2"]
    ]  # fmt: skip
