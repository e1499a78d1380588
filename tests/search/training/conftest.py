"""What tests of trainings share."""

from __future__ import annotations

import collections

import pytest

from spaces.training import program


@pytest.fixture
def traces(monkeypatch):
    """Grows with every trace of a step or a prediction; no program is kept from before."""
    made = []

    def counting(function):
        def counted(self, *arguments, **options):
            made.append(function.__name__)
            return function(self, *arguments, **options)

        return counted

    for name in ("_step", "_predict"):
        monkeypatch.setattr(program.Program, name, counting(getattr(program.Program, name)))
    monkeypatch.setattr(program, "_programs", collections.OrderedDict())
    return made
