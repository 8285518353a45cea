"""The split of a step into a deterministic part and fresh noise."""

from math import sqrt


def split(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """Return (sigma to step down to, sigma of the noise to add) so that both together make sigma_next.

    With eta 1 it is the posterior of the diffusion (Song et al. 2021, arXiv:2010.02502, eq. 16, in
    variance-exploding form); with eta 0 nothing is added. sigma_next may be 0: both parts are 0 then.
    """
    up = min(sigma_next, eta * sigma_next * sqrt(1 - (sigma_next / sigma) ** 2))
    return sqrt(sigma_next**2 - up**2), up
