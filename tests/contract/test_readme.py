"""The README is true: what it tells people to type exists. That it works, tests/flow and devstack/tests show."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z-]+)", README))))
def test_every_target_it_names_is_one(target: str) -> None:
    wanted = ["make", "--dry-run", "--always-make", target]
    made = subprocess.run(wanted, check=False, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("command", sorted(set(re.findall(r"\.venv/bin/mizzap ([a-z]+)", README))))
def test_every_command_it_names_is_one(command: str) -> None:
    called = [Path(sys.executable).with_name("mizzap"), command, "--help"]
    assert subprocess.run(called, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_ci_runs_what_it_tells_people_to_run() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]
    assert commands == ["make check", "make test"]
