"""The denoising loop in the memory of a device: latents stay there from the first step to the last.

Samplers are not written twice. They are linear in latents and noise, so `algebra.DeviceLatents` stands in for the
array and remembers the sum that they ask for; it is computed in one run of a small graph when the model needs it.
"""
