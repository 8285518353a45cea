"""Turns Stable Diffusion checkpoints into ONNX bundles; the only part of retouch that uses PyTorch."""
