"""The command line: stdout carries the paths written, stderr everything else, and exit codes follow errors.py.

Each command is a module of `retouch.commands`, imported only when it is the one that runs, so that
`--version` and `--help` load neither numpy nor ONNX Runtime.
"""

import argparse
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import NoReturn, Protocol, cast

from retouch_models.errors import RetouchError, UsageError
from retouch_models.version import __version__

COMMANDS = {
    "inpaint": "repaint the masked part of a picture",
    "outpaint": "grow a picture and paint the new space",
    "generate": "paint a new picture from a prompt",
    "img2img": "repaint a whole picture, keeping its structure",
    "fix": "work through a list of regions, each with its own prompt",
    "batch": "repaint a folder of pictures",
    "canvas": "resize a canvas or crop it to a size the model can use",
    "mask": "make a mask file from a mask expression",
    "show-recipe": "print how a picture was made",
    "replay": "make a picture again from its recipe and compare",
    "models": "list, show, verify, add and remove models",
    "export": "turn a Stable Diffusion checkpoint into a model bundle",
    "doctor": "say what works on this machine and what is missing",
    "bench": "measure speed on this machine",
    "demo": "repaint the sample picture with the bundled model",
    "tui": "open the terminal editor (also: retouch PICTURE)",
}


EDITOR_OPTIONS = ("--resume", "--mouse", "--glyphs", "--colors", "--graphics", "--theme", "--mirror")
"""Options that, given first, open the terminal editor."""


class Command(Protocol):
    """What a module of `retouch.commands` offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it; returns the exit code."""
        ...


class _Parser(argparse.ArgumentParser):
    """Bad usage is one line with the nearest option, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{_with_hint(message, self._option_string_actions)}; see: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _prepare_signals()
    _prepare_streams()
    try:
        return _dispatch(words)
    except RetouchError as error:
        _report(error, words)
        return error.exit_code
    except KeyboardInterrupt:
        print("retouch: cancelled", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(words: list[str]) -> int:
    if not words or _opens_editor(words[0]):
        words = ["tui", *words]
    if words[0] in ("--version", "-V"):
        print(f"retouch {__version__}")  # noqa: T201
        return 0
    if words[0] in ("--help", "-h", "help"):
        print(_overview())  # noqa: T201
        return 0
    name = words[0]
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"unknown command {name!r}; see: retouch --help.{hint}")
    command = cast("Command", import_module(f"retouch.commands.{name.replace('-', '_')}"))
    parser = _Parser(prog=f"retouch {name}", description=COMMANDS[name].capitalize() + ".", allow_abbrev=False)
    command.add_arguments(parser)
    return command.run(parser.parse_args(words[1:]))


def _opens_editor(word: str) -> bool:
    if word.startswith("-"):
        return word.partition("=")[0] in EDITOR_OPTIONS
    return bool(word) and word not in COMMANDS and (Path(word).is_file() or Path(word).is_dir())


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:{width}}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            f"retouch {__version__}: repaint only the part of a picture that came out wrong.",
            "",
            "usage: retouch COMMAND ...       (retouch COMMAND --help explains one)",
            "       retouch [PICTURE|FOLDER]  opens the terminal editor",
            "",
            *lines,
            "",
            'example: retouch inpaint photo.jpg --mask mask.png --prompt "a red heart" --output out.png',
        ]
    )


def _with_hint(message: str, options: dict[str, argparse.Action]) -> str:
    """Add the nearest option or choice to what argparse says."""
    word = message.rpartition("unrecognized arguments: ")[2].split(" ")[0]
    near = get_close_matches(word, options, n=1) if word != message else []
    return f"{message} (did you mean {near[0]}?)" if near else message


def _report(error: RetouchError, words: Sequence[str]) -> None:
    """One line on stderr, whatever the message holds."""
    text = " ".join(str(error).split()) if "\n" not in str(error) else str(error)
    if "--json" in words:
        line = json.dumps({"event": "error", "kind": type(error).__name__, "message": text, "exit": error.exit_code})
    else:
        line = f"retouch: {text}"
    print(line, file=sys.stderr)  # noqa: T201
    place = getattr(error, "marked", None) or getattr(error, "pointer", None)
    if isinstance(place, str) and "--json" not in words and sys.stderr.isatty():
        print(place, file=sys.stderr)  # noqa: T201


def _prepare_signals() -> None:
    """Leave a closed pipe to BrokenPipeError, and let SIGTERM unwind, so that half-written files are removed."""
    if threading.current_thread() is not threading.main_thread():
        return
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)


def _prepare_streams() -> None:
    """Print any path: as the bytes it has in UTF-8, with escapes where the encoding (of a pipe on Windows) lacks it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def _terminate(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
