"""Wrappers around a denoiser that keep part of the latents: each takes a `Denoise` and returns one.

In all of them `known` are the clean latents z0 of the original, (1, C, h, w), and `mask` is (1, 1, h, w), 0 keep ..
1 repaint. They compose with any model: one that knows masks only does better what they enforce.
"""
