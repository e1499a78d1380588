"""The report: of every kind of run, from hostile names, and as a command."""

import base64
import csv
import hashlib
import html.parser
import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot
import pytest

from analysis.__main__ import main
from analysis.report import plots
from analysis.report.render import markdown
from analysis.report.write import write_report
from search.store import ExperimentError, Store
from tests.support.synthetic_runs import STRATEGIES, make_run

ROOT = Path(__file__).parents[3]
VOID = {"meta", "link", "br", "img", "hr", "input"}
SCRIPT = (ROOT / "analysis" / "report" / "templates" / "script.js").read_text(encoding="utf-8")
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
            self.text += data


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


def test_a_finished_run(tmp_path):
    accuracies = {"lines": 0.6, "cnn_lines": 0.97, "cnn_flat": 0.5}
    page, note = check(make_run(tmp_path / "run", accuracies=accuracies))
    assert page.tags.count("svg") == 5
    for text in (page.text, note):
        assert "cnn_lines wins on digits" in text
        for word in (
            *STRATEGIES, "out of memory", "python run_search.py", "3.15.1", "8 GiB", "learning_rate"
        ):  # fmt: skip
            assert word in text
        assert "in detail" not in text  # first lines only


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("interim", {"seeds": 0, "final_seeds": 3, "running": 2}),
        ("interim", {"seeds": 1, "final_seeds": 3}),
        ("interim", {"seeds": 0, "configurations": 0, "final_seeds": 3}),
        ("interim", {"seeds": 0, "configurations": 0, "final_seeds": 3, "running": 1}),
        ("every trial failed", {"broken": STRATEGIES}),
        ("every trial failed", {"broken": STRATEGIES, "message": ""}),
        ("nothing to compare", {"strategies": ["lines"]}),
        ("nothing to compare", {"strategies": ["lines"], "configurations": 1}),
        ("nothing to compare", {"strategies": ["lines"], "configurations": 1, "seeds": 1}),
        ("nothing to compare", {"broken": STRATEGIES[1:]}),
        ("too few seeds", {"seeds": 1}),
        ("nothing was tested", {"seeds": 0}),
        ("control, no recurrence", {"strategies": ["lines", "cnn_control"]}),
        ("digits", {"strategies": [f"strategy_{i}" for i in range(14)], "configurations": 2}),
    ],
)
def test_every_kind_of_run_gives_a_report(tmp_path, kind, options):
    for text in (page_and_note := check(make_run(tmp_path / "run", **options))):
        assert kind.lower() in getattr(text, "text", text).lower()
    if kind in ("interim", "nothing was tested"):
        assert "no winner" in page_and_note[0].text.lower()


def test_names_from_data_stay_text(tmp_path):
    path = make_run(
        tmp_path / "run", class_names=HOSTILE, message=HOSTILE[0] + " | x\n" + HOSTILE[1],
        dataset="<b>'\"&|`*_",
    )  # fmt: skip
    page, note = check(path)
    assert "alert(1)" in page.text  # as text
    # Letters that run from right to left stay among themselves.
    assert "<bdi>\u05d0\u05d1 &lt;x&gt;</bdi>" in (path / "report/report.html").read_text("utf-8")
    rows = json.loads(page.scripts[0])["rows"]
    assert any("alert(1)" in cell for row in rows for cell in row)
    assert "{{ 7 * 7 }}" in page.text
    assert "\u202e" not in page.text + note
    assert "y" * 200 not in page.text
    assert not re.search(r"<(script|img|b)\b", note)
    assert "](javascript" not in note.replace("\\]", "")


def test_hostile_experiment_and_about_stay_text(tmp_path):
    path = make_run(tmp_path / "run", strategies=["<i>|`", "$x$_"], configurations=2)
    saved = (path / "experiment.json").read_text()
    saved = saved.replace("python run_search.py", "</code><script>x()</script>\\n# `")
    (path / "experiment.json").write_text(saved.replace('"3.15.1"', '{"<s>": ["|"]}'))
    page, note = check(path)
    assert "<i>|`" in page.text
    assert "$x$_" in page.text
    assert "\n# `" not in note


@pytest.mark.parametrize("about", ["{}", "null", '{"hardware": [], "versions": 3, "started": 0}'])
def test_every_key_of_about_may_be_missing(tmp_path, about):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    file = path / "experiment.json"
    start, _, _ = file.read_text().partition('"about"')
    file.write_text(start + f'"about": {about}}}')
    check(path)


def test_the_same_run_gives_the_same_bytes_and_touches_nothing_else(tmp_path):
    path = make_run(tmp_path / "run")
    before = digests(path)
    write_report(path)
    first = digests(path)
    write_report(path)
    assert digests(path) == first
    assert {name: first[name] for name in before} == before
    assert {Path(name).parts[0] for name in first.keys() - before.keys()} == {"report"}
    assert matplotlib.pyplot.get_fignums() == []


def digests(path):
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in path.rglob("*")
        if file.is_file()
    }


def test_twelve_strategies_differ_in_colour_and_in_marker():
    names = [f"strategy_{i}" for i in range(12)]
    look = plots.styles(names)
    assert len({style.colour for style in look.values()}) == 12
    assert len({style.marker for style in look.values()}) == 12
    assert plots.styles(names[:3]) == {name: look[name] for name in names[:3]}
    assert len(set(plots.styles([str(i) for i in range(40)]).values())) == 40


def test_colours_stand_out_on_light_and_on_dark():
    def luminance(colour):  # WCAG 2
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for colour in plots.COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) >= 3
        assert (luminance(colour) + 0.05) / (luminance("#15181d") + 0.05) >= 3


def test_markdown_shows_a_value_as_it_is():
    assert markdown("cnn_lines at 3 < 4") == "cnn_lines at 3 &lt; 4"
    assert markdown("a|b\nc") == "a\\|b c"
    assert markdown("_x_ *y* `z`") == "\\_x\\_ \\*y\\* \\`z\\`"


def test_as_a_command_it_makes_the_report_again(tmp_path):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    done = subprocess.run(
        [sys.executable, "-m", "analysis", path], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    said, _, page = done.stdout.strip().rpartition("report: ")
    assert "only lines was searched" in said
    assert Path(page).read_text().startswith("<!DOCTYPE html>")
    done = subprocess.run(
        [sys.executable, "-m", "analysis", tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_report_that_cannot_be_written_is_one_line(tmp_path, capsys):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    (path / "report").write_text("in the way")
    with pytest.raises(ExperimentError, match="cannot write"):
        write_report(path)
    assert main([str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_run_that_is_being_written_can_be_reported(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, running=1)
    with Store.resume(path):
        check(path)
