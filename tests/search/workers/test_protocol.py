"""How much of the workers' time goes into trials."""

from __future__ import annotations

from search.workers.protocol import Occupancy


def test_occupancy_is_the_share_of_the_workers_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("search.workers.protocol.time.monotonic", lambda: now[0])
    occupancy = Occupancy()
    for seconds, busy, present in ((1, 0, 2), (3, 2, 2), (4, 1, 2)):
        occupancy.note(busy, present)
        now[0] += seconds
    occupancy.note(0, 2)
    assert occupancy.seconds == 8
    assert occupancy.share == (3 * 2 + 4 * 1) / (8 * 2)
