"""Two hosts on one machine: network namespaces with addresses of their own and a cable between."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Hosts:
    """Two hosts that reach each other, and nothing else, until the cable is pulled.

    Attributes:
        prefixes: words before a command that is to run on the first, or the second.
        addresses: of the first and the second.
    """

    def __init__(self) -> None:
        self.names = [f"scanline-{os.getpid()}-{number}" for number in (1, 2)]
        self.prefixes = [["ip", "netns", "exec", name] for name in self.names]
        self.addresses = ["10.231.7.1", "10.231.7.2"]

    def connect(self) -> None:
        """Makes both, and the cable."""
        for name in self.names:
            ip("netns", "add", name)
        one, other = self.names
        ip("link", "add", "cable", "netns", one, "type", "veth", "peer", "cable", "netns", other)
        for name, address in zip(self.names, self.addresses, strict=True):
            ip("-n", name, "address", "add", f"{address}/30", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def cut_off_the_second(self) -> None:
        """Pulls the cable at its end: the first host hears nothing more, and no goodbye."""
        ip("-n", self.names[1], "link", "set", "cable", "down")

    def remove(self) -> None:
        """Removes what `connect` has made, as far as it came."""
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def ip(*words: str) -> None:
    """Runs iproute2's command."""
    subprocess.run(["ip", *words], capture_output=True, text=True, check=True)


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Two hosts; skips the test where this machine does not allow them."""
    hosts = Hosts()
    try:
        try:
            hosts.connect()
        except OSError as error:
            pytest.skip(f"no iproute2 here: {error}")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        yield hosts
    finally:
        hosts.remove()
