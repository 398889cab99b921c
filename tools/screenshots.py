"""Pictures of the pages, taken from the running demonstration into docs/images."""

from __future__ import annotations

import subprocess
import sys

import demo


def main() -> int:
    """Start the demonstration, let the page be photographed, stop it."""
    with demo.Receiver() as receiver, demo.Running(receiver.port) as service:
        problems = demo.complaints(demo.show(service, receiver, quiet=True))
        if problems:
            sys.exit("\n".join(problems))
        command = [sys.executable, "tests/e2e/screenshots.py", service.address, service.key]
        return subprocess.run([*command, demo.TROUBLED], cwd=demo.ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
