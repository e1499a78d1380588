"""A report's content -> HTML and Markdown. What comes from data is escaped here, and only here."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from analysis.formatting import END, ISOLATE, bare
from analysis.report.elements import TrialTable

TEMPLATES = Path(__file__).parent / "templates"
UNIT = re.compile(r"(?<=\d) (?=(?:%|±|[kMGT]|MiB|GiB|m?s|min|h)(?!\w))|(?<=±) |(?<=\bp) (?=[=<])")
"""Spaces at which a line shall not break: before a unit, and within "97.1 ± 0.4" and "p = 0.03"."""

MOST_IN_MARKDOWN = 30  # trials; a page of text is no place for ten thousand


def html_page(content: Mapping[str, Any]) -> bytes:
    """Returns the page: one file that loads nothing, and runs no script but its own."""
    script = Markup((TEMPLATES / "script.js").read_text(encoding="utf-8"))
    # A browser compares what it is about to run with this: whatever a name from the data may do
    # to the page, it cannot run.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = _environment(html)
    environment.filters |= {"plain": plain, "data_uri": data_uri, "json": for_script}
    return (
        environment.get_template("report.html")
        .render(**content, script=script, script_hash=digest, trial_data=trial_data)
        .encode()
    )


def markdown_page(content: Mapping[str, Any]) -> bytes:
    """Returns the same in Markdown, with its figures as files beside it."""
    environment = _environment(markdown)
    environment.filters["indented"] = lambda text: Markup(" ".join(text.split()))
    text = environment.get_template("report.md").render(**content, most=MOST_IN_MARKDOWN)
    # Macros leave blank lines behind; one is enough for Markdown.
    return (re.sub(r"\n{3,}", "\n\n", text).strip() + "\n").encode()


def _environment(finalize: Callable[[object], Markup]) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )


def html(value: object) -> Markup:
    """Returns a value as text of an element; what `formatting.clean` isolated, within `<bdi>`."""
    if isinstance(value, Markup):
        return value
    text = UNIT.sub("\N{NO-BREAK SPACE}", str(value))
    return Markup(str(escape(text)).replace(ISOLATE, "<bdi>").replace(END, "</bdi>"))


def plain(value: object) -> Markup:
    """Returns a value as an attribute, in which there are no elements."""
    return escape(bare(str(value)))


def data_uri(png: bytes) -> Markup:
    """Returns a PNG file as an address that holds it."""
    return Markup("data:image/png;base64," + base64.b64encode(png).decode())


def for_script(value: object) -> Markup:
    """Returns a value as JSON inside a `<script>` element, which nothing in it can close."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def trial_data(table: TrialTable, look: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the page's script needs of the trials."""
    places = {label: place for place, label in enumerate(look)}
    return {
        "shown": table.shown,
        "rows": table.rows,
        "keys": {str(place): values for place, values in table.keys.items()},
        "look": places,
    }


def markdown(value: object) -> Markup:
    """Returns a value so that Markdown shows it as it is, in a table's cell too."""
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split())
    # What begins an entity or an element: "p < 0.001" begins neither, and is read in the source.
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    text = re.sub(r"([\\`*\[\]|~$]|^#)", r"\\\1", text)
    # An underscore inside a word is no emphasis, and names read better without a backslash.
    return Markup(re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text))
