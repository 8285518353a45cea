"""Laws of the ceiling that speeds are compared with."""

import numpy as np
import pytest

from retouch import matmul_peak as module
from retouch.matmul_peak import matmul_peak


def test_the_graph_is_a_matrix_product() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 5), np.float32), rng.standard_normal((5, 2), np.float32)
    (found,) = module._session(1).run(None, {"a": a, "b": b})
    np.testing.assert_allclose(found, a @ b, rtol=1e-5, atol=1e-6)  # sums of five float32 products


def test_the_peak_is_that_of_the_faster_library(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.5, 0.25])
    monkeypatch.setattr(module, "_least_seconds", lambda work, rounds: next(seconds))
    assert matmul_peak(1, side=1000) == 2 * 1000**3 / 0.25 / 1e9
