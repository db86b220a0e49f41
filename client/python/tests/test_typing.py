"""mypy --strict over the library, as installed, and over a program that uses it."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("what", [
    ["--package", "vllm_router_client", "--package", "vllm_router"],
    [str(HERE / "typing" / "consumer.py")]],
    ids=["library", "consumer"])
def test_types_are_strict(what, tmp_path):
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(HERE.parent / "pyproject.toml"),
         *what], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
