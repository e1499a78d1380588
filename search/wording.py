"""One way of printing text from outside, and hyperparameters, in the terminal and the report."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def flag(field: str) -> str:
    """Returns the option that sets a field.

    >>> flag("train_limit")
    '--train-limit'
    """
    return f"--{field.replace('_', '-')}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns a question that names the likely ones, three at most; empty where none is like it.

    The same as `spaces.values.did_you_mean`, which brings Keras with it: an error should not wait.

    >>> did_you_mean("FASHION-MNIST", ["mnist", "fashion_mnist", "cifar10"])
    'did you mean fashion_mnist or mnist? '
    """
    near = difflib.get_close_matches(name[:100].lower(), list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}? " if near else ""


def one_line(text: object) -> str:
    r"""Returns text that neither breaks the line nor steers the terminal.

    >>> one_line("a file\x1b[2J\nof two lines")
    'a file [2J of two lines'
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return " ".join(printable.split())


def escaped(text: object) -> str:
    r"""Returns text that prints on one line of any terminal: odd characters become escapes.

    >>> print(escaped("mo\nuse"))
    mo\nuse
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )


def value_in_words(value: object) -> str:
    """Returns a hyperparameter's value for people, a number to three digits.

    A column in which some strategies have no value holds its integers as floats: these stay whole.

    >>> [value_in_words(one) for one in (True, None, 0.0012345, 1024.0, "rows")]
    ['yes', '–', '0.00123', '1024', 'rows']
    """
    if value is None or value != value:  # NaN alone differs from itself
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else f"{value:.3g}"
    return str(value)


def values_in_words(values: Mapping[str, object]) -> str:
    """Returns a configuration for people, in one line.

    >>> values_in_words({"axis": "rows", "lstm_units": 64, "learning_rate": 0.0012345})
    'axis=rows lstm_units=64 learning_rate=0.00123'
    """
    return " ".join(f"{name}={value_in_words(value)}" for name, value in values.items())
