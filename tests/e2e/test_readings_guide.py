"""The guide to readings is executed against a real server; every answer must be as it says."""

import doctest
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "readings.md"


def test_everything_in_the_guide_happens_as_it_says(server):
    def run(*command):
        return subprocess.run(
            [sys.executable, "-m", "monitor", *command],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": f"sqlite:///{server.database}"},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout

    names = {"server": server.url, "key": server.key("admin"), "run": run}
    text = GUIDE.read_text(encoding="utf-8").replace("```", "")
    guide = doctest.DocTestParser().get_doctest(text, names, "readings.md", str(GUIDE), 0)
    told = []
    results = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST).run(guide, out=told.append)
    assert results.attempted > 30
    assert not results.failed, "".join(told)
