"""Installed from a wheel, outside the checkout, it searches and reports."""

import os
import shutil
import subprocess
import sys
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


@pytest.mark.slow
def test_a_wheel_searches_and_reports(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # From a copy: setuptools leaves a folder build/ where it works, and reads it the next time.
    tree = tmp_path / "tree"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package)
    for file in (ROOT / "run_search.py", ROOT / "pyproject.toml", *ROOT.glob("requirements*.txt")):
        shutil.copy(file, tree)
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(tree)], check=True
    )
    (wheel,) = tmp_path.glob("scanline-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    (metadata,) = (name for name in inside if name.endswith(".dist-info/METADATA"))
    asked = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "Requires-Dist: keras==" in asked and "Requires-Dist: tensorflow==" in asked
    ours = [*(f for p in PACKAGES for f in (ROOT / p).rglob("*")), ROOT / "run_search.py"]
    wanted = {
        file.relative_to(ROOT).as_posix()
        for file in ours
        if file.is_file() and file.suffix in (".py", ".html", ".md", ".js", ".css")
    }
    assert wanted <= inside, wanted - inside
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "run_search", *small_run.ARGUMENTS, "--out", "run"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (elsewhere / "run" / "report" / "report.html").stat().st_size > 10_000
    again = subprocess.run(
        [sys.executable, "-P", "-m", "analysis", "run"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
