"""The terminal of a page shows what a program wrote before it ended, however late it is read."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import os, time
from labgrader.serve.driver import _Terminal

seen = []

def slow(text):
    time.sleep(0.1)  # the reader is still busy with this when the rest is written
    seen.append(text)

terminal = _Terminal(slow)
terminal.lend()
os.write(1, b"first\\r\\n")
time.sleep(0.05)
os.write(1, b"last words\\r\\n")
terminal.take_back()
print("".join(seen).split(), terminal.lent)
"""


def test_the_last_words_are_shown() -> None:
    """In a process of its own: the terminal stands in for its standard streams."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "['first', 'last', 'words'] False"
