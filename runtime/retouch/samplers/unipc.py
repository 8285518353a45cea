"""UniPC of order 2 with data prediction and B2(h) = exp(h) - 1, Zhao et al. 2023 (arXiv:2302.04867), section 3.

Predictor and corrector share the model's evaluations: the prediction at a new point first corrects the step that led
there, then makes the next one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import expm1, log

from retouch.arrays import Latents, Sigmas
from retouch.samplers import SAMPLERS, Denoise, Noise, Step, intervals, sampler


@dataclass(frozen=True, eq=False)
class _Leap:
    """A step from `base` over the width h in log sigma, with what was known when it was made."""

    base: Latents
    denoised: Latents
    h: float
    slope: Latents | None
    """(D_before - D) / r, with r the (negative) place of D_before in units of h; None in the first step."""
    r: float

    def flat(self) -> Latents:
        """End of the leap for a constant prediction."""
        change: Latents = expm1(-self.h) * (self.base - self.denoised)
        return self.base + change

    def predicted(self) -> Latents:
        """UniP: the slope known before counts half."""
        if self.slope is None:
            return self.flat()
        return self.flat() - (expm1(-self.h) * 0.5) * self.slope

    def corrected(self, arrived: Latents) -> Latents:
        """UniC: the leap again, knowing the prediction `arrived` at its end; order one higher."""
        scale = expm1(-self.h)
        if self.slope is None:
            return self.flat() - (scale * 0.5) * (arrived - self.denoised)
        before, after = _corrector_weights(self.h, self.r)
        bend: Latents = before * self.slope
        bend = bend + after * (arrived - self.denoised)
        return self.flat() - scale * bend


@SAMPLERS.register
@sampler()
def unipc(denoise: Denoise, x: Latents, sigmas: Sigmas, _noise: Noise) -> Iterator[Step]:
    """Order 3: a corrected predictor of order 2."""
    leap: _Leap | None = None
    for i, sigma, sigma_next in intervals(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = log(sigma / sigma_next)
            if leap is None:
                leap = _Leap(x, denoised, h, None, 0.0)
            else:
                r = -leap.h / h
                leap = _Leap(leap.corrected(denoised), denoised, h, (leap.denoised - denoised) / r, r)
            x = leap.predicted()
        yield Step(i, sigma, x, denoised)


def _corrector_weights(h: float, r: float) -> tuple[float, float]:
    """Solve the order conditions (theorem 3.1) for the nodes r (before) and 1 (after) in units of h."""
    phi1 = expm1(-h) / -h
    phi2 = (phi1 - 1) / -h
    phi3 = (phi2 - 0.5) / -h
    target1, target2 = phi2 / phi1, 2 * phi3 / phi1
    # the two equations: before + after = target1, r * before + after = target2
    before = (target1 - target2) / (1 - r)
    return before, target1 - before
