"""Operators that ONNX Runtime has as one kernel, written into the graph while torch traces it.

Tracing emits `com.microsoft.MultiHeadAttention` and `QuickGelu` directly, so nothing has to be found again by
matching patterns afterwards, and a silent miss is impossible: every attention module either emits it or is
not exported that way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class MultiHeadAttention(torch.autograd.Function):
    """Attention of queries (B, N, heads·d) to keys and values (B, M, heads·d) as one operator."""

    @staticmethod
    def forward(_ctx: Any, query: Tensor, key: Tensor, value: Tensor, heads: int, scale: float) -> Tensor:
        """Compute what the operator computes."""
        batch, length, width = query.shape
        q, k, v = (t.reshape(batch, -1, heads, t.shape[-1] // heads).transpose(1, 2) for t in (query, key, value))
        out = nn.functional.scaled_dot_product_attention(q, k, v, scale=scale)
        return out.transpose(1, 2).reshape(batch, length, width)

    @staticmethod
    def symbolic(g: Any, query: Any, key: Any, value: Any, heads: int, scale: float) -> Any:
        """Emit ONNX Runtime's operator."""
        out = g.op("com.microsoft::MultiHeadAttention", query, key, value, num_heads_i=heads, scale_f=scale)
        out.setType(query.type())
        return out


class FusedProcessor:
    """A diffusers attention processor that emits the fused operator."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Attend; handles the attention of transformer blocks, which have neither mask nor norms inside."""
        if attention_mask is not None or temb is not None:
            raise NotImplementedError("attention with a mask or a time embedding")
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        out: Tensor = MultiHeadAttention.apply(query, key, value, attn.heads, attn.scale)
        return attn.to_out[0](out)


def _plain(attn: Any) -> bool:
    """Whether an attention module is one of a transformer block, without extras."""
    return (
        not attn.residual_connection
        and attn.group_norm is None
        and attn.spatial_norm is None
        and not attn.norm_cross
        and not attn.only_cross_attention
        and attn.rescale_output_factor == 1
        and getattr(attn, "norm_q", None) is None
    )


@contextmanager
def fused_attention(module: nn.Module) -> Iterator[int]:
    """Let every plain attention of `module` emit the fused operator while inside; gives their count."""
    from diffusers.models.attention_processor import Attention

    plain = [m for m in module.modules() if isinstance(m, Attention) and _plain(m)]
    before = [m.processor for m in plain]
    try:
        for m in plain:
            m.set_processor(FusedProcessor())
        yield len(plain)
    finally:
        for m, processor in zip(plain, before, strict=True):
            m.set_processor(processor)
