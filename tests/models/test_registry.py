"""A plug-in is a file: it is found without being imported, and its file name is its name."""

import subprocess
import sys

import pytest

from retouch_models.errors import UnknownName
from retouch_models.registry import Registry, module_names


def test_names_come_from_the_folder_without_importing() -> None:
    code = (
        "import sys; from retouch_models.registry import module_names; names = module_names('retouch.samplers');"
        "assert 'euler' in names and '_ancestral' not in names, names;"
        "assert not [m for m in sys.modules if m.startswith('retouch.samplers')], 'it imported them'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_name_imports_one_module() -> None:
    code = (
        "import sys; from retouch.samplers import SAMPLERS; SAMPLERS['euler'];"
        "assert 'retouch.samplers.euler' in sys.modules and 'retouch.samplers.heun' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "package",
    ["samplers", "schedules", "blend", "content", "latent_content", "providers", "recipes"],
)
def test_every_plug_in_registers_under_its_file_name(package: str) -> None:
    from importlib import import_module

    module = import_module(f"retouch.{package}")
    registries = [value for value in vars(module).values() if isinstance(value, Registry)]
    assert len(registries) == 1
    names = module_names(f"retouch.{package}")
    assert names
    for name in names:
        assert registries[0][name] is not None
    with pytest.raises(UnknownName, match="use one of"):
        registries[0]["no such thing"]
