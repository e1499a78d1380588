"""Installed from a wheel, outside the checkout, it searches and reports."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support import small_run

ROOT = Path(__file__).parents[1]
PACKAGES = ("spaces", "search", "analysis")


def test_every_folder_of_ours_is_a_package():
    """Setuptools finds packages by it: a folder without would be left out of the wheel."""
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), file


PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def skip_without_registry(pip, folder):
    """Asks for a small package, as pip does for all others."""
    asked = ["download", "--no-deps", "--dest", str(folder / "asked"), "iniconfig"]
    done = run([*pip, *asked], folder)
    if done.returncode != 0:
        pytest.skip(f"no package registry is reached: {done.stderr.strip()[-200:]}")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the tree.

    From a copy, since setuptools leaves a folder build/ where it works, and reads it the next time.
    """
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package)
    for file in (ROOT / "run_search.py", ROOT / "pyproject.toml", *ROOT.glob("requirements*.txt")):
        shutil.copy(file, tree)
    target = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, *PIP]
    skip_without_registry(pip, target)  # setuptools comes from there
    done = run([*pip, "wheel", "--no-deps", "--wheel-dir", str(target), str(tree)], target)
    assert done.returncode == 0, done.stderr
    (file,) = target.glob("scanline-*.whl")
    return file


def test_the_wheel_holds_every_module_and_template(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    (metadata,) = (name for name in inside if name.endswith(".dist-info/METADATA"))
    asked = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "Requires-Dist: keras==" in asked and "Requires-Dist: tensorflow==" in asked
    ours = [ROOT / "run_search.py", *(f for p in PACKAGES for f in (ROOT / p).rglob("*"))]
    wanted = {
        file.relative_to(ROOT).as_posix()
        for file in ours
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert any(name.endswith(".html") for name in wanted)
    assert {name for name in inside if ".dist-info/" not in name} == wanted


def test_the_wheel_asks_for_what_it_needs(wheel):
    """Every line of the files that pyproject.toml names is one of its own requirements."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(name).decode()
    asked = {
        line.partition(": ")[2].split(";")[0].replace(" ", "")
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist: ")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    files = project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in files]
    lines = [line for text in texts for line in text.splitlines()]
    names = [line.split("#")[0].split(";")[0].replace(" ", "") for line in lines]
    assert {package(name) for name in names if name} <= {package(name) for name in asked}


def package(requirement):
    """The name that a requirement is of."""
    return "".join(c if c.isalnum() or c in "-_." else " " for c in requirement).split()[0].lower()


@pytest.mark.slow
def test_in_an_empty_environment_it_searches_and_reports(wheel, tmp_path):
    """As for whoever installs it: nothing is there but what the wheel asks for."""
    venv.create(tmp_path / "empty", with_pip=True)
    python = str(tmp_path / "empty" / "bin" / "python")
    installed = run([python, *PIP, "install", str(wheel)], tmp_path)
    assert installed.returncode == 0, installed.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ended = run([python, "-m", "run_search", *small_run.ARGUMENTS, "--out", "run"], elsewhere)
    assert ended.returncode == 0, ended.stderr
    page = elsewhere / "run" / "report" / "report.html"
    assert page.stat().st_size > 10_000
    page.unlink()
    again = run([python, "-m", "analysis", "run"], elsewhere)
    assert again.returncode == 0, again.stderr
    assert page.stat().st_size > 10_000
    found = run([python, "-c", "import search; print(search.__file__)"], elsewhere)
    assert str(tmp_path / "empty") in found.stdout
    none = run([python, "-c", "import tests.support"], elsewhere)
    assert none.returncode != 0  # the checkout is out of reach


def run(command, folder):
    """Runs a command with nothing of this process's environment that says where modules are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, check=False
    )
