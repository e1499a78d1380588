"""A report as tests read it: its page, checked, its Markdown and its tables."""

from __future__ import annotations

import base64
import csv
import hashlib
import html.parser
import re
from pathlib import Path

import pandas as pd

from analysis.report.write import write_report

VOID = {"meta", "link", "br", "img", "hr", "input"}
SCRIPT = (Path(__file__).parents[2] / "analysis" / "report" / "templates" / "script.js").read_text(
    encoding="utf-8"
)
HOSTILE = [
    "</style></svg><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "a | b\n| --- |\n# head `code` [x](javascript:alert(3))",
    "\u202egnp.exe",
    "y" * 10_000,
    "{{ 7 * 7 }}",
    "=cmd|' /C calc'!A0",
    "\u05d0\u05d1 <x>",
]


class Page(html.parser.HTMLParser):
    """Parses a page, checks that its elements nest, and keeps tags and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.scripts = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.text += data.replace("\N{NO-BREAK SPACE}", " ")  # before a unit


def check(path):
    """Makes the report, checks what holds of every report, and returns page and Markdown."""
    written = write_report(path).path
    assert written == path / "report" / "report.html"
    text = written.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    # Nothing to fetch: no address anywhere but in text, no element that could load or run but one
    # script, and no other would run: the browser asks for its digest.
    assert not {"link", "iframe", "object", "base", "form"} & set(page.tags)
    *data, script = page.scripts
    assert len(data) == page.attributes.count(("type", "application/json")) <= 1
    assert script == SCRIPT
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policies = [value for name, value in page.attributes if "script-src" in (value or "")]
    assert [re.findall("script-src ([^;]*)", policy) for policy in policies] == [
        [f"'sha256-{digest}'"]
    ]
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name.endswith("href") or name == "src":
            assert re.match(r"#[\w-]+$|data:image/png;base64,[\w+/=]+$", value), value
        else:
            assert not re.search(r"https?:|//", value or "") or value in policies, (name, value)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert page.tags.count("figure") == page.tags.count("figcaption") == page.tags.count("svg")
    note = (path / "report" / "report.md").read_text(encoding="utf-8")
    for picture in re.findall(r"!\[[^]]*\]\(([^)]*)\)", note):
        assert (path / "report" / picture).read_bytes().startswith(b"\x89PNG")
    for block in re.findall(r"(?:^\|.*\n)+", note, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block
    assert "nan" not in re.findall(r"\w+", page.text.lower() + note.lower())
    for file in (path / "report" / "tables").glob("*.csv"):
        head, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
        assert all(len(row) == len(head) for row in rows), file
        cells = [cell for row in [head, *rows] for cell in row]
        assert not [cell for cell in cells if re.match(r"[=@+]|-(?![\d.])", cell)], file
    return page, note


def csv_of(path, name):
    """Returns a table of a run's report as its file has it."""
    return pd.read_csv(path / "report" / "tables" / f"{name}.csv")
