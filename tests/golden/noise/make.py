"""Record draws of torch.randn from CPU generators; see README.md beside this file."""

from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
SEEDS = [0, 1, 2**32 + 5, 2**63 - 1, 2**64 - 1]
SIZES = [*range(1, 41), 4096, 15, 3, 100, 17]
SHAPES = [(1, 4, 64, 64), (1, 4, 97, 35)]


def main() -> None:
    """Per seed one generator and all sizes in turn; then pictures' shapes from seed 0."""
    found = {}
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        found[str(seed)] = np.concatenate([torch.randn(n, generator=generator).numpy() for n in SIZES])
    generator = torch.Generator().manual_seed(0)
    for shape in SHAPES:
        found["x".join(map(str, shape))] = torch.randn(shape, generator=generator).numpy()
    np.savez_compressed(HERE / "torch_cpu.npz", sizes=np.array(SIZES), **found)


if __name__ == "__main__":
    main()
