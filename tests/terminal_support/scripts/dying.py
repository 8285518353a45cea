"""Takes the terminal as Textual does, then ends in the way that is asked for."""

import os
import signal
import sys
import time
import tty
from pathlib import Path

from retouch_tui.terminal.cleanup import ShellGuard

way, note = sys.argv[1], Path(sys.argv[2])
guard = ShellGuard()
kept = note / "no" / "such" / "folder" if way == "broken save" else note
guard.install(save=lambda: kept.write_text("saved"))
tty.setraw(0)
os.write(2, b"\x1b[?1049h\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?1016h\x1b[?2004h\x1b[?2048h\x1b[?25l\x1b[>25uREADY")
if way == "wait":
    while True:
        time.sleep(60)
if way == "busy":
    # A frame that is cut off in the middle of a sequence.
    os.write(2, b"\x1b[38;2;12")
    os.kill(os.getpid(), signal.SIGTERM)
if way == "error":
    raise RuntimeError("out of paint")
if way == "exit":
    sys.exit(3)
if way == "broken save":
    os.kill(os.getpid(), signal.SIGTERM)
if way == "orderly":
    os.write(2, b"\x1b[?1049l\x1b[?25h")
    guard.left()
    os.write(2, b"SHELL")
