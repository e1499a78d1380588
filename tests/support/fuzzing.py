"""What Hypothesis makes up: nonsense, and documents and runs of which one thing is nonsense."""

from __future__ import annotations

import contextlib
import copy
import json
import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

LARGE = [2**31, 2**53 + 1, 2**63 - 1, -(2**63), 10**30]
STEERING = ["\x1b[2J", "\x1b]0;title\x07", "a\nb", "\u202e", "\ud800", "\0", "../../x", "-" * 3000]

NUMBERS = st.one_of(
    st.integers(-3, 300), st.sampled_from(LARGE), st.floats(), st.floats(0, 1), st.booleans()
)
WORDS = st.one_of(st.text(max_size=8), st.sampled_from(STEERING))
NONSENSE = st.recursive(
    st.one_of(st.none(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=4,
)


@st.composite
def altered(draw: st.DrawFn, document: Any) -> Any:
    """Draws a JSON document of which one thing is replaced, left out, doubled or renamed."""
    result = copy.deepcopy(document)
    place = result
    while True:
        keys = [*place] if isinstance(place, dict) else [*range(len(place))]
        if not keys:
            return draw(NONSENSE)
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            place = inner
            continue
        how = draw(st.sampled_from(["replace", "replace", "replace", "leave out", "add"]))
        if how == "replace":
            place[key] = draw(NONSENSE)
        elif how == "leave out":
            del place[key]
        elif isinstance(place, dict):
            place[draw(WORDS)] = draw(NONSENSE)
        else:
            place.append(draw(NONSENSE))
        return result


VALUES = st.one_of(
    st.none(),
    st.integers(-3, 300),
    st.sampled_from(LARGE[:4]),
    st.floats(),
    WORDS.filter(lambda word: "\ud800" not in word),
    st.binary(max_size=8),
    NONSENSE.map(lambda value: json.dumps(value)),
)


def alter_table(data: st.DataObject, file: Path) -> str:
    """Changes one thing in a run's SQLite file, whatever the schema forbids, and returns what."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        table = data.draw(st.sampled_from([name for (name,) in found]), "table")
        names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        column = data.draw(st.sampled_from(names), "column")
        rows = [row[0] for row in database.execute(f"SELECT rowid FROM {table}")]
        how = data.draw(st.sampled_from(["cell"] * 6 + ["all", "row", "drop", "rename"]), "how")
        if how == "drop":
            database.execute(f"DROP TABLE {table}")
        elif how == "rename":
            database.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
        elif how == "row" and rows:
            database.execute(
                f"DELETE FROM {table} WHERE rowid = ?", [data.draw(st.sampled_from(rows))]
            )
        elif rows:
            where = "1" if how == "all" else f"rowid = {data.draw(st.sampled_from(rows))}"
            value = data.draw(VALUES, "value")
            with contextlib.suppress(sqlite3.IntegrityError):  # NOT NULL, or a key twice
                database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [value])
        database.commit()
    return f"{how} {table}.{column}"
