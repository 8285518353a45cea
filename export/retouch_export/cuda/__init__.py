"""The graphs for ONNX Runtime's CUDA provider: operators that exist there alone, and activations with channels last.

One file is one rewriting of a traced fp32 graph, checked before the conversion to fp16. None of these operators has a
kernel on the CPU, so `expansion` writes them out in standard ones from what their documentation says, and the proof
runs that.
"""

DOMAIN = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
