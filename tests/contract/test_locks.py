"""Advisory locks of different things never meet: in one database each kind has a first key of its own."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEY = re.compile(r"^(_\w*LOCK\w*) = (7_700_\d+)$", re.MULTILINE)


def test_each_kind_of_lock_has_its_own_key() -> None:
    sources = [path for part in ("libs", "services") for path in (ROOT / part).rglob("src/**/*.py")]
    keys = [key for path in sources for _, key in KEY.findall(path.read_text())]
    assert len(keys) >= 6 and sorted(keys) == sorted(set(keys))
