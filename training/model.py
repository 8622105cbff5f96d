"""The network of spark: a small Llama (RMSNorm, rotary positions, grouped-query attention, SwiGLU).

Rows hold several conversations one after the other; `doc` numbers them so that attention stays
inside one conversation. Head width 32: many narrow heads learn to copy sooner than few wide ones.
Rotary pairs are (i, i + head_dim/2), the convention of Hugging Face; export.py permutes for GGUF.
"""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    vocab: int = 2048
    width: int = 192
    layers: int = 6
    heads: int = 6
    kv_heads: int = 3
    head_dim: int = 32
    ffn: int = 512
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    context: int = 1024


def rms_norm(x, weight, eps):
    h = x.float()
    h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + eps)
    return (h * weight).to(x.dtype)


def rotate(x, cos, sin):
    """x [rows, heads, length, head_dim]; cos and sin [rows, 1, length, head_dim / 2]."""
    a, b = x.float().chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1).to(x.dtype)


def attend(q, k, v, mask):
    """On short rows plain products beat the fused kernel of PyTorch's CPU build."""
    score = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    score = score.masked_fill(~mask, -1e9)
    return torch.softmax(score, -1).to(v.dtype) @ v


class Block(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
        self.attn_norm = nn.Parameter(torch.ones(c.width))
        self.ffn_norm = nn.Parameter(torch.ones(c.width))
        self.q = nn.Parameter(torch.empty(q, c.width))
        self.k = nn.Parameter(torch.empty(kv, c.width))
        self.v = nn.Parameter(torch.empty(kv, c.width))
        self.o = nn.Parameter(torch.empty(c.width, q))
        self.gate = nn.Parameter(torch.empty(c.ffn, c.width))
        self.up = nn.Parameter(torch.empty(c.ffn, c.width))
        self.down = nn.Parameter(torch.empty(c.width, c.ffn))

    def qkv(self, x, cos, sin):
        c, (rows, length, _) = self.c, x.shape
        h = rms_norm(x, self.attn_norm, c.norm_eps)
        w = torch.cat((self.q, self.k, self.v)).to(h.dtype)
        heads = F.linear(h, w).view(rows, length, -1, c.head_dim).transpose(1, 2)
        q, k, v = heads.split((c.heads, c.kv_heads, c.kv_heads), dim=1)
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def rest(self, x, attended):
        c, (rows, length, _) = self.c, x.shape
        a = attended.transpose(1, 2).reshape(rows, length, -1)
        x = x + F.linear(a, self.o.to(x.dtype))
        h = rms_norm(x, self.ffn_norm, c.norm_eps)
        gate_up = F.linear(h, torch.cat((self.gate, self.up)).to(h.dtype))
        gate, up = gate_up.chunk(2, dim=-1)
        return x + F.linear(F.silu(gate.float()).to(up.dtype) * up, self.down.to(x.dtype))

    def forward(self, x, cos, sin, mask):
        c = self.c
        q, k, v = self.qkv(x, cos, sin)
        group = c.heads // c.kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        return self.rest(x, attend(q, k, v, mask))


class Spark(nn.Module):
    def __init__(self, c: Config, dtype=torch.bfloat16):
        super().__init__()
        self.c, self.dtype = c, dtype
        self.embed = nn.Parameter(torch.empty(c.vocab, c.width))
        self.norm = nn.Parameter(torch.ones(c.width))
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        frequency = c.rope_theta ** (-torch.arange(0, c.head_dim, 2) / c.head_dim)
        self.register_buffer("frequency", frequency.float(), persistent=False)

    @torch.no_grad()
    def initialise(self, seed: int):
        g = torch.Generator().manual_seed(seed)
        self.embed.normal_(0, 0.04, generator=g)
        for b in self.blocks:
            for p in (b.q, b.k, b.v, b.gate, b.up):
                p.normal_(0, p.shape[1] ** -0.5, generator=g)
            for p in (b.o, b.down):
                p.normal_(0, (p.shape[1] * 2 * self.c.layers) ** -0.5, generator=g)

    def rotation(self, positions):
        angle = positions[:, None, :, None].float() * self.frequency
        return angle.cos(), angle.sin()

    def forward(self, ids, positions, doc, picked, labels, weights):
        """ids, positions, doc [rows, length]; picked: flat indices of the positions that have a label.

        labels and weights are as long as picked. Returns the weighted sum of the losses and each loss.
        """
        length = ids.shape[1]
        cos, sin = self.rotation(positions)
        causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
        mask = (doc[:, None, :, None] == doc[:, None, None, :]) & causal
        x = F.embedding(ids, self.embed).to(self.dtype)
        for block in self.blocks:
            x = block(x, cos, sin, mask)
        h = rms_norm(x.flatten(0, 1)[picked], self.norm, self.c.norm_eps)
        loss = F.cross_entropy(F.linear(h, self.embed.to(h.dtype)).float(), labels, reduction="none")
        return (loss * weights).sum(), loss.detach()

    def step(self, ids, positions, mask, cache):
        """Logits of the last position; cache is a list of (k, v) a layer, grown in place."""
        cos, sin = self.rotation(positions)
        x = F.embedding(ids, self.embed).to(self.dtype)
        group = self.c.heads // self.c.kv_heads
        for i, block in enumerate(self.blocks):
            q, k, v = block.qkv(x, cos, sin)
            if cache[i] is not None:
                k, v = torch.cat((cache[i][0], k), 2), torch.cat((cache[i][1], v), 2)
            cache[i] = (k, v)
            k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
            x = block.rest(x, F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
        h = rms_norm(x[:, -1], self.norm, self.c.norm_eps)
        return F.linear(h, self.embed.to(h.dtype)).float()
