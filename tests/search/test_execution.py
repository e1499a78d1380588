"""Where and how a run is worked off: what its options say."""

from __future__ import annotations

import dataclasses

from search.execution import Execution


def test_the_limits_of_a_training_speak_of_finals_too():
    """They obey them as trials do."""
    told = {field.name: field.metadata["option"].help for field in dataclasses.fields(Execution)}
    for name in ("retries", "trial_timeout", "checkpoint_every"):
        assert "final" in told[name]
