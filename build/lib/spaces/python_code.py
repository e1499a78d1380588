"""How source is written: values, calls and permutations as Python, 100 columns wide.

Text from outside (names of data sets and classes) becomes a string here and cannot end it.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Call:
    """A call, written; an argument may be a call itself.

    Attributes:
        function: what is called, with `name=` before it where it is a keyword's value.
        arguments: in their order.
    """

    function: str
    arguments: Sequence[Call | str]

    def on_one_line(self) -> str:
        """Returns the call however long it gets."""
        return f"{self.function}({self._inner()})"

    def _inner(self) -> str:
        return ", ".join(a.on_one_line() if isinstance(a, Call) else a for a in self.arguments)

    def written(self, before: str, indent: int = 0, after: str = "\n") -> str:
        """Returns `before`, the call and `after`: on one line, or its arguments on lines below.

        Args:
            before: what stands before it on its first line; that line is not indented here.
            indent: the columns by which the caller is to indent all lines.
            after: what follows on its last line.
        """
        line = self.on_one_line()
        if len(before) + len(line) + len(after.rstrip("\n")) + indent <= WIDTH:
            return f"{before}{line}{after}"
        inner = self._inner()
        if len(inner) + indent + 4 > WIDTH:
            return self._spread(before, indent, after)
        return f"{before}{self.function}(\n    {inner}\n){after}"

    def _spread(self, before: str, indent: int, after: str) -> str:
        parts = (
            argument.written("", indent + 4, ",\n") if isinstance(argument, Call)
            else f"{argument},\n"
            for argument in self.arguments
        )  # fmt: skip
        return f"{before}{self.function}(\n{indented(''.join(parts))}){after}"


def indented(lines: str, columns: int = 4) -> str:
    """Returns lines moved to the right."""
    return "".join(f"{' ' * columns}{line}\n" for line in lines.splitlines())


def literal(value: Any) -> str:
    """Returns a value of JSON types as Python; sequences as tuples.

    Raises:
        ValueError: it is of another type.
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(literal, value))}{comma})"
    if isinstance(value, Mapping):
        items = (f"{quoted(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    raise ValueError(f"a {type(value).__name__} cannot be written")


def quoted(text: str) -> str:
    """Returns text as a string: what is not printable escaped, so nothing hides or turns round."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return f"{quote}{''.join(_escaped(character, quote) for character in text)}{quote}"


def _escaped(character: str, quote: str = "") -> str:
    if character in ("\\", quote):
        return f"\\{character}"
    return character if character.isprintable() else repr(character)[1:-1]


def docstring(text: str, indent: int = 0) -> str:
    """Returns text between triple quotes, which it cannot end."""
    safe = "".join(c if c == "\n" else _escaped(c) for c in text.strip())
    safe = safe.replace('"""', '\\"\\"\\"')
    end = f"\n{' ' * indent}" if "\n" in safe or safe.endswith('"') else ""
    return f'{" " * indent}"""{safe}{end}"""\n'


def assigned(name: str, value: Any) -> str:
    """Returns an assignment; a list too long for a line has an item a line."""
    if isinstance(value, list | tuple):
        return _spread(name, [literal(item) for item in value])
    return f"{name} = {literal(value)}\n"


def permutation(name: str, order: Sequence[int]) -> str:
    """Returns the definition of a list of integers, as short as it can be read.

    On one line; or as ranges, one for each straight run; or as a walk over a grid, a letter for
    each step to a neighbour (which is what a Hilbert curve is); or number by number.
    """
    line = f"{name} = [{', '.join(map(str, order))}]\n"
    if len(line) <= WIDTH + 1:
        return line
    runs = straight_runs(order)
    if 3 * len(runs) <= len(order):
        return _spread(name, [_run(run) for run in runs])
    steps = [after - before for before, after in itertools.pairwise(order)]
    wide = max(map(abs, steps))
    letters = {1: "r", wide: "d", -1: "l", -wide: "u"}
    if set(steps) <= set(letters):
        meaning = ", ".join(f'"{letter}": {step}' for step, letter in letters.items())
        return (
            f"# A walk over a grid that is {wide} wide: right, down, left, up.\n"
            + _long_text(f"{name}_STEPS", "".join(letters[step] for step in steps))
            + f"{name} = [{order[0]}]\n"
            + f"for step in {name}_STEPS:\n"
            + f"    {name}.append({name}[-1] + {{{meaning}}}[step])\n"
        )
    return (
        _long_text(f"{name}_NUMBERS", " ".join(map(str, order)))
        + f"{name} = [int(number) for number in {name}_NUMBERS.split()]\n"
    )


def _run(run: range) -> str:
    """Returns a range as what it adds to a list."""
    if len(run) == 1:
        return str(run.start)
    return f"*range({run.start}, {run.stop}{'' if run.step == 1 else f', {run.step}'})"


def straight_runs(order: Sequence[int]) -> list[range]:
    """Returns the ranges that, one after the other, are these integers."""
    runs: list[range] = []
    start = 0
    while start < len(order):
        end = start + 1
        step = order[end] - order[start] if end < len(order) else 1
        while step and end < len(order) and order[end] - order[end - 1] == step:
            end += 1
        runs.append(range(order[start], order[end - 1] + (1 if step > 0 else -1), step or 1))
        start = end
    return runs


def _long_text(name: str, text: str, width: int = 80) -> str:
    """Returns the definition of a text without quotes: strings, one a line, that Python joins."""
    if len(text) <= width:
        return f'{name} = "{text}"\n'
    chunks = "".join(f'"{text[i : i + width]}"\n' for i in range(0, len(text), width))
    return f"{name} = (\n{indented(chunks)})\n"


def _spread(name: str, items: Sequence[str]) -> str:
    """Returns the definition of a list, on one line or an item a line."""
    line = f"{name} = [{', '.join(items)}]\n"
    if len(line) <= WIDTH + 1:
        return line
    inner = indented("".join(f"{item},\n" for item in items))
    return f"{name} = [\n{inner}]\n"
