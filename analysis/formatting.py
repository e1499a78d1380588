"""Numbers and names as the report says them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence

from search.store import MINUS, NOTHING, value_in_words, values_in_words

TIMES = " \N{MULTIPLICATION SIGN} "


ISOLATE, END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
"""Around text that may run from right to left, so that it cannot reorder what stands beside it."""


def clean(text: object, limit: int = 80) -> str:
    """Returns text on one line, without what could hide or reorder it, cut to a limit.

    Names and messages come from data. Line breaks become spaces; control and format characters
    (which reverse the reading direction, say) go. Text with letters that run from right to left
    is isolated: in HTML the marks become `<bdi>`.
    """
    # Ten thousand characters need not be looked at one by one to show eighty.
    line = " ".join(str(text)[: 20 * limit].split())
    if line.isascii() and line.isprintable():  # most are, and there are many
        return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    shown = "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    shown = shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"
    leftward = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in shown)
    return f"{ISOLATE}{shown}{END}" if leftward else shown


def bare(text: str) -> str:
    """Returns text without the marks that `clean` puts around some, for where they have no use."""
    return text.replace(ISOLATE, "").replace(END, "")


def clean_first_line(message: object) -> str:
    """Returns the first line of a failure's message that holds anything, cut to 160 characters."""
    lines = [line for line in str(message).splitlines() if line.strip()]
    return clean(lines[0], 160) if lines else "no reason recorded"


def label(strategy: str, control: bool = False) -> str:
    """Returns a strategy's name, marked where it is a control; `Run.label` knows which are.

    >>> label("cnn_control", control=True)
    'cnn_control (control)'
    """
    name = clean(strategy, 40)
    return f"{name} (control)" if control else name


def value(value: object) -> str:
    """Returns a hyperparameter's value as the terminal has it, without what could hide text.

    >>> [value(one) for one in (True, None, 0.0012345, 1024.0, "rows")]
    ['yes', '–', '0.00123', '1024', 'rows']
    """
    return clean(value_in_words(value), 40)


def configuration(values: Mapping[str, object]) -> str:
    """Returns a configuration as the terminal has it, on one line.

    >>> configuration({"axis": "rows", "lstm_units": 64})
    'axis=rows lstm_units=64'
    """
    return clean(values_in_words(values), 400)


def percent(share: float, digits: int = 1) -> str:
    """Returns a share in [0, 1] as "97.3 %"."""
    return NOTHING if math.isnan(share) else f"{100 * share:.{digits}f} %"


def decimal(number: float) -> str:
    """Returns a number with two decimals and a true minus sign."""
    if math.isnan(number):
        return NOTHING
    text = f"{number:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", MINUS)


def probability(p: float) -> str:
    """Returns a p value as "0.03" or "< 0.001"."""
    if math.isnan(p):
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_value(p: float) -> str:
    """Returns a p value within a sentence: "p = 0.03" or "p < 0.001"."""
    shown = probability(p)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def amount(number: float) -> str:
    """Returns a large number to three digits: "950", "12.3 k", "4.56 M"."""
    if math.isnan(number):
        return NOTHING
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        # 999,950 reads 1 M, not 1000 k.
        if abs(number) >= 0.9995 * size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def duration(seconds: float) -> str:
    """Returns a time as "0.24 s", "12 s", "3 min 20 s", "5 min" or "2 h 5 min"."""
    if math.isnan(seconds):
        return NOTHING
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 9.5 else f"{seconds:.0f} s"
    if seconds < 3600:
        whole, unit, rest, smaller = int(seconds // 60), "min", int(seconds % 60), "s"
    else:
        whole, unit, rest, smaller = int(seconds // 3600), "h", int(seconds % 3600 // 60), "min"
    return f"{whole} {unit} {rest} {smaller}" if rest else f"{whole} {unit}"


def milliseconds(time: float) -> str:
    """Returns a time in milliseconds as "0.84 ms" or "12 ms"."""
    return NOTHING if math.isnan(time) else f"{time:.2g} ms" if time < 9.5 else f"{time:,.0f} ms"


def memory(size: float) -> str:
    """Returns bytes as "850 MiB" or "8 GiB"."""
    if math.isnan(size):
        return NOTHING
    return f"{size / 2**30:.2g} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"


def multiple(ratio: float) -> str:
    """Returns a ratio as "0.27 times", "2.6 times" or "1,700 times"."""
    if math.isnan(ratio):
        return NOTHING
    text = f"{ratio:.2g}"
    return f"{text if ratio < 99.5 else format(float(text), ',.0f')} times"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """Returns "1 seed", "3 seeds" or "10,000 images"; `nouns` where an s is not enough."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or noun + 's'}"


def listing(names: Sequence[str], conjunction: str = "and") -> str:
    """Returns "a", "a and b" or "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"
