"""What other tools call samplers and schedules, in one table."""

import re

A1111_NAMES = {
    "euler": "Euler",
    "euler_a": "Euler a",
    "heun": "Heun",
    "dpm2": "DPM2",
    "dpm2_a": "DPM2 a",
    "lms": "LMS",
    "ddim": "DDIM",
    "dpmpp_2s_a": "DPM++ 2S a",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_linear": "DPM++ 2M Linear",  # ours alone; other tools take their own default for it
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "unipc": "UniPC",
    "lcm": "LCM",
}
"""Our samplers as A1111 spells them."""

A1111_SCHEDULES = {
    "model": "Uniform",
    "karras": "Karras",
    "exponential": "Exponential",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
}
"""Our schedules as A1111 spells them."""

_MORE_SAMPLERS = {
    "eulerancestral": "euler_a",
    "kdpm2": "dpm2",
    "dpm2ancestral": "dpm2_a",
    "kdpm2a": "dpm2_a",
    "kdpm2ancestral": "dpm2_a",
    "dpmpp2sancestral": "dpmpp_2s_a",
    "unipcbh2": "unipc",
}
_MORE_SCHEDULES = {
    "model": "model",
    "native": "model",
    "normal": "model",
    "discrete": "model",
    "default": "model",
    "sgm": "sgm_uniform",
    "lcm": "lcm",
}
_AUTOMATIC = {
    "dpm2": "karras",
    "dpm2_a": "karras",
    "dpmpp_2s_a": "karras",
    "dpmpp_2m": "karras",
    "dpmpp_sde": "karras",
    "dpmpp_2m_sde": "exponential",
    "dpmpp_3m_sde": "exponential",
}
"""What A1111 takes for the schedule `Automatic`; the model's own for all others."""
_SCHEDULE_SUFFIXES = {
    "karras": "karras",
    "ka": "karras",
    "k": "karras",
    "exponential": "exponential",
    "polyexponential": "polyexponential",
    "sgm": "sgm_uniform",
}


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("++", "pp"))


_SAMPLERS = {_key(ours): ours for ours in A1111_NAMES} | _MORE_SAMPLERS
_SCHEDULES = {_key(theirs): ours for ours, theirs in A1111_SCHEDULES.items()} | _MORE_SCHEDULES


def sampler_of(name: str) -> tuple[str | None, str | None]:
    """Our sampler, and our schedule where the name says it ("DPM++ 2M Karras", "k_euler_ancestral", "dpmpp_2m_k").

    None for what has no counterpart.
    """
    words = [word for word in re.split(r"[\s_]+", name.strip().lower()) if word]
    if len(words) > 1 and words[0] in ("k", "sample"):
        words = words[1:]
    while len(words) > 1 and words[-1] in ("gpu", "v3"):
        words = words[:-1]
    schedule = None
    if len(words) > 1 and words[-1] in _SCHEDULE_SUFFIXES:
        schedule = _SCHEDULE_SUFFIXES[words[-1]]
        words = words[:-1]
    return _SAMPLERS.get(_key(" ".join(words))), schedule


def schedule_of(name: str, sampler: str | None) -> str | None:
    """Our schedule for a tool's name of it; A1111's `Automatic` depends on our `sampler`. None without counterpart."""
    key = _key(name)
    return _AUTOMATIC.get(str(sampler), "model") if key == "automatic" else _SCHEDULES.get(key)
