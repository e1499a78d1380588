"""What is installed: every pin stands once, and the Makefile chooses by backend and card."""

import collections
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {file.name: file for file in ROOT.glob("requirements*.txt")}
MADE_OF = re.compile(r"-r (\S+)")


def lines(name):
    """The requirements of one file, without what others hold; and the files that it names."""
    found = [line.partition(" #")[0].strip() for line in FILES[name].read_text().splitlines()]
    found = [line for line in found if line and not line.startswith("#")]
    others = [made.group(1) for line in found if (made := MADE_OF.fullmatch(line))]
    return [line for line in found if not line.startswith("-")], others


def whole(name):
    """Everything that a file asks for, by name: the version and what comes with it."""
    own, others = lines(name)
    asked = {}
    for line in own:
        package, _, version = line.partition("==")
        asked[package] = version
    for other in others:
        asked.update(whole(other))
    return asked


def test_every_pin_stands_once():
    pins = [line for name in FILES for line in lines(name)[0] if "==" in line]
    count = collections.Counter(pin.partition("==")[0] for pin in pins)
    assert set(count.values()) == {1}


def test_what_is_not_pinned_is_more_of_what_is():
    """An extra, such as CUDA's libraries: pip takes it from the version that is pinned."""
    for name in FILES:
        for line in lines(name)[0]:
            package, bracket, _ = line.partition("[")
            assert "==" in line or (bracket and whole(name)[package]), f"{name}: {line}"


def test_jax_comes_without_tensorflow_and_with_the_same_packages():
    default, jax = whole("requirements.txt"), whole("requirements-jax.txt")
    assert "tensorflow" in default and "jax" in jax
    assert not any(package.startswith("tensor") for package in jax)
    shared = whole("requirements-base.txt")
    assert shared.items() <= default.items() and shared.items() <= jax.items()


def test_a_wheel_asks_for_the_same():
    """Setuptools reads the files line by line, and does not follow `-r`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    read = project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    assert not any(lines(name)[1] for name in read)
    assert {k: v for name in read for k, v in whole(name).items()} == whole("requirements.txt")


@pytest.mark.parametrize(
    ("backend", "tool", "chosen"),
    [
        ("", "exit 9", "requirements.txt"),
        ("", "echo No devices were found; exit 6", "requirements.txt"),
        ("", "echo 'GPU 0: A card (UUID: GPU-1)'", "requirements-gpu.txt"),
        ("tensorflow", "echo 'GPU 0: A card (UUID: GPU-1)'", "requirements-gpu.txt"),
        ("jax", "exit 9", "requirements-jax.txt"),
        ("jax", "echo 'GPU 0: A card (UUID: GPU-1)'", "requirements-jax-gpu.txt"),
    ],
)
def test_make_installs_for_the_backend_and_the_card(tmp_path, backend, tool, chosen):
    made = tmp_path / "nvidia-smi"
    made.write_text(f"#!/bin/sh\n{tool}\n")
    made.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "--dry-run", "run", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"-r (\S+)", done.stdout) == [chosen]


def test_the_lock_holds_what_is_required_with_hashes():
    """`make lock` has been run since a pin was changed."""
    text = (ROOT / "requirements.lock").read_text()
    locked = {*re.findall(r"^([\w.-]+==[^ ;\\]+)", text, re.MULTILINE)}
    for package, version in whole("requirements.txt").items():
        assert f"{package}=={version}" in locked, f"{package}: run `make lock`"
    entries = re.split(r"\n(?=[\w.-]+==)", text)[1:]
    assert len(entries) == len(locked) > 60
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text  # wherever it was made, it is installed from where pip looks
