"""Probes its terminal, then shows what the program after it would read."""

import json
import os
import select
import sys
import termios
import tty
from dataclasses import asdict
from pathlib import Path

from retouch_tui.terminal.probe import probe

asked = {name: name in sys.argv for name in ("plain", "multiplexed")}
replies = probe(0, 2, timeout_s=float(sys.argv[2]), **asked)
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(2, b"PROBED")
leaked = b""
while not leaked.endswith(b"."):
    if not select.select([0], [], [], 10)[0]:
        break
    leaked += os.read(0, 1024)
termios.tcsetattr(0, termios.TCSANOW, before)
found = asdict(replies) | {"typed": replies.typed.decode("latin-1"), "leaked": leaked.decode("latin-1")}
Path(sys.argv[1]).write_text(json.dumps(found))
