"""A stand-in for the module `openvino` with hardware that no test machine has; it computes with ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from retouch.providers import openvino

EXACT = ["FP32", "EXPORT_IMPORT"]
HEADER = b'<?xml version="1.0"?><compiled_blob/>\n'


class Fake:
    """Stands in for the module: one processor unless told otherwise."""

    def __init__(self, **hardware: list[str]) -> None:
        self.hardware = hardware or {"CPU": [*EXACT, "BF16"]}
        """What each piece of hardware can do."""
        self.compiled: list[Compiled] = []
        self.imported = 0
        self.fails: Exception | None = None
        """What every compilation raises."""
        self.breaks: Exception | None = None
        """What every run raises."""
        self.ignores_precision = False
        self.__version__ = "2099.1"

    def Core(self) -> "Core":
        return Core(self)

    def Tensor(self, content: np.ndarray, shared_memory: bool) -> np.ndarray:
        assert shared_memory
        return content


class Core:
    """Stands in for `openvino.Core`."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.available_devices = [*fake.hardware]

    def get_property(self, hardware: str, name: str) -> Any:
        if name == "OPTIMIZATION_CAPABILITIES":
            return self.fake.hardware[hardware]
        return {"FULL_DEVICE_NAME": f"A fast {hardware}"}[name]

    def get_versions(self, hardware: str) -> Any:
        return {hardware.partition(".")[0]: SimpleNamespace(build_number=self.fake.__version__)}

    def read_model(self, source: "bytes | Path") -> "Model":
        return Model(source if isinstance(source, bytes) else source.read_bytes())

    def compile_model(self, model: "Model", hardware: str, settings: Mapping[str, Any]) -> "Compiled":
        if self.fake.fails is not None:
            raise self.fake.fails
        compiled = Compiled(self.fake, model, hardware, settings)
        self.fake.compiled.append(compiled)
        if "CACHE_DIR" in settings:
            folder = Path(settings["CACHE_DIR"])
            folder.mkdir(parents=True)
            (folder / "1234.blob").write_bytes(HEADER + model.content)
        return compiled

    def import_model(self, content: np.ndarray, hardware: str, settings: Mapping[str, Any]) -> "Compiled":
        self.fake.imported += 1
        try:
            return Compiled(self.fake, Model(content.tobytes()), hardware, settings)
        except Exception as error:
            raise RuntimeError(
                "Exception from src/core.cpp:217:\nCheck 'magic' failed at src/p.cpp:1:\nno blob"
            ) from error


class Model:
    """Stands in for `openvino.Model`: the bytes of a file, and the sizes that were fixed; no nodes to be changed."""

    inputs: tuple[Any, ...] = ()

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.shapes: dict[str, list[int]] | None = None

    def reshape(self, shapes: dict[str, list[int]]) -> None:
        self.shapes = shapes

    def get_ordered_ops(self) -> list[Any]:
        return []


class Compiled:
    """Stands in for `openvino.CompiledModel`, and for its request."""

    def __init__(self, fake: Fake, model: Model, hardware: str, settings: Mapping[str, Any]) -> None:
        self.fake, self.model, self.hardware, self.settings = fake, model, hardware, dict(settings)
        self.released = 0
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self.real = onnxruntime.InferenceSession(model.content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise RuntimeError("Exception from src/core.cpp:84:\nModel can't be parsed\n\n") from error
        self.inputs = [SimpleNamespace(get_names=lambda i=i: {i.name, "another/name"}) for i in self.real.get_inputs()]

    def create_infer_request(self) -> "Compiled":
        return self

    def infer(self, feed: Mapping[str, np.ndarray], **_: bool) -> dict[str, np.ndarray]:
        if self.fake.breaks is not None:
            raise self.fake.breaks
        names = [o.name for o in self.real.get_outputs()]
        return dict(zip(names, self.real.run(names, dict(feed)), strict=True))

    def release_memory(self) -> None:
        self.released += 1

    def get_property(self, name: str) -> Any:
        wanted = "f32" if self.fake.ignores_precision else self.settings["INFERENCE_PRECISION_HINT"]
        found = {"INFERENCE_PRECISION_HINT": SimpleNamespace(get_type_name=lambda: wanted)}
        return {**found, "EXECUTION_DEVICES": [self.hardware]}[name]


def put_in_place(monkeypatch: pytest.MonkeyPatch, fake: Fake) -> Fake:
    """Put a stand-in in the place of openvino."""
    core = fake.Core()
    monkeypatch.setattr(openvino, "import_openvino", lambda: fake)
    monkeypatch.setattr(openvino, "_core", lambda: core)
    monkeypatch.setattr(openvino.OpenVino, "installed", lambda self: True)
    return fake


def take_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let openvino be missing, whatever this environment has."""
    monkeypatch.setattr(openvino, "_core", lambda: openvino.import_openvino().Core())
    monkeypatch.setattr(openvino.OpenVino, "installed", lambda self: False)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
