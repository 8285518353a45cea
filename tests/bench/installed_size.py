"""How many bytes an installation takes: of a fresh environment, or of some packages in one that has more."""

import subprocess
import sys
from pathlib import Path

_CLOSURE = """
import importlib.metadata as metadata, re, sys

def names(wanted):
    found, todo = {}, list(wanted)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for line in found[name].requires or ():
            if "extra ==" in line:
                continue
            todo.append(re.match(r"[A-Za-z0-9._-]+", line).group())
    return found

paths = {p.locate() for d in names(sys.argv[1:]).values() for p in d.files or ()}
print(sum(p.stat().st_size for p in paths if p.is_file()))
"""


def installed_bytes(python: str, packages: tuple[str, ...]) -> int:
    """Bytes of the files of some packages and all they need, in the environment of `python`."""
    done = subprocess.run([python, "-c", _CLOSURE, *packages], capture_output=True, text=True, check=True)
    return int(done.stdout)


def fresh_install(project: Path, extra: str, folder: Path) -> int | None:
    """Install the project with one extra into a new environment at `folder`; bytes of all packages but pip.

    None if it cannot be installed, for want of a network for one.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{project}[{extra}]"]
    if subprocess.run(command, check=False).returncode != 0:
        return None
    return installed_bytes(python, (f"retouch[{extra}]".partition("[")[0], "onnxruntime"))
