#!/usr/bin/env python3
"""Gradients of single ops as PyTorch's autograd computes them in f64, over odd shapes.

Writes tests/golden/grad.safetensors: for each case its inputs, "dy", and the gradients as "d<input>". Images are
channels-last, tokens [N, T, C]. Needs torch and safetensors. Same script, same versions, same bytes.
"""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

out = {}
generator = torch.Generator().manual_seed(5)


def rand(*shape):
    return torch.rand(*shape, generator=generator) * 4 - 2


def case(name, inputs, f, ask=None):
    leaves = {k: v.double().requires_grad_(ask is None or k in ask) for k, v in inputs.items()}
    y = f(**leaves)
    dy = rand(*y.shape)
    y.backward(dy.double())
    for key, value in inputs.items():
        out[f"{name}.{key}"] = value
        if leaves[key].grad is not None:
            out[f"{name}.d{key}"] = leaves[key].grad.float()
    out[f"{name}.y"] = y.detach().float()
    out[f"{name}.dy"] = dy


def group_norm(groups, eps, act):
    def f(x, weight, bias):
        y = F.group_norm(x.permute(0, 3, 1, 2), groups, weight, bias, eps).permute(0, 2, 3, 1)
        return act(y) if act else y
    return f


def attention(heads, causal=False):
    def f(q, k, v, bias=None):
        split = lambda x: x.unflatten(2, (heads, -1)).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=causal, attn_mask=bias)
        return y.transpose(1, 2).flatten(2)
    return f


for name, shape, groups, act in [("group_norm.silu", (2, 5, 7, 96), 32, F.silu), ("group_norm.plain", (3, 4, 4, 20), 4, None),
                                 ("group_norm.large", (1, 33, 17, 40), 8, F.silu)]:
    c = shape[-1]
    case(name, {"x": rand(*shape) + 3, "weight": rand(c), "bias": rand(c)}, group_norm(groups, 1e-5, act))
for name, shape in [("layer_norm.wide", (2, 9, 77)), ("layer_norm.many", (150, 40)), ("layer_norm.narrow", (5, 3))]:
    c = shape[-1]
    case(name, {"x": rand(*shape) + 5, "weight": rand(c), "bias": rand(c)},
         lambda x, weight, bias: F.layer_norm(x, (x.shape[-1],), weight, bias, 1e-5))
for name, act in [("silu", F.silu), ("gelu", F.gelu), ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
                  ("quick_gelu", lambda x: x * torch.sigmoid(1.702 * x))]:
    case("act." + name, {"x": torch.cat([rand(100), rand(37) * 6])}, lambda x: act(x))
case("geglu", {"x": rand(3, 5, 2 * 21)}, lambda x: x[..., :21] * F.gelu(x[..., 21:]))
case("multiply", {"a": rand(4, 9), "b": rand(4, 9)}, lambda a, b: a * b)
case("upsample.double", {"x": rand(2, 3, 5, 6)},
     lambda x: F.interpolate(x.permute(0, 3, 1, 2), scale_factor=2, mode="nearest").permute(0, 2, 3, 1))
case("upsample.odd", {"x": rand(1, 4, 3, 9)},
     lambda x: F.interpolate(x.permute(0, 3, 1, 2), size=(7, 5), mode="nearest").permute(0, 2, 3, 1))
case("embedding", {"table": rand(11, 6)}, lambda table: F.embedding(torch.tensor([3, 0, 3, 10, 3]), table))
case("attention.self", {"q": rand(2, 70, 48), "k": rand(2, 70, 48), "v": rand(2, 70, 48)}, attention(4))
case("attention.cross", {"q": rand(1, 33, 40), "k": rand(1, 77, 40), "v": rand(1, 77, 24)}, attention(1))
case("attention.causal", {"q": rand(1, 67, 32), "k": rand(1, 67, 32), "v": rand(1, 67, 32)}, attention(2, True))
case("attention.chunks", {"q": rand(1, 65, 8), "k": rand(1, 1100, 8), "v": rand(1, 1100, 8)}, attention(1))
bias = rand(1, 2, 9, 13)
bias[..., 3] = -torch.inf
case("attention.bias", {"q": rand(2, 9, 20), "k": rand(2, 13, 20), "v": rand(2, 13, 20), "bias": bias}, attention(2),
     ask={"q", "k", "v"})

def rope_pairs(x, cos, sin):
    """Two heads; neighbours as complex numbers times e^(i·angle), as the first rotary code had it."""
    z = torch.view_as_complex(x.unflatten(2, (2, -1, 2)))
    return torch.view_as_real(z * torch.complex(cos, sin)[:, None]).flatten(2)


def rope_halves(x, cos, sin):
    """Two heads, tables for each batch; x·cos + rotate_half(x)·sin, as transformers has it."""
    x = x.unflatten(2, (2, -1))
    a, b = x.chunk(2, dim=-1)
    cos, sin = (torch.cat([t, t], dim=-1)[:, :, None] for t in (cos, sin))
    return (x * cos + torch.cat([-b, a], dim=-1) * sin).flatten(2)


def conv2d(x, weight, bias, per_image=None, **options):
    y = F.conv2d(x.permute(0, 3, 1, 2), weight, bias, **options).permute(0, 2, 3, 1)
    return y if per_image is None else y + per_image[:, None, None]


for name, shape in [("rms_norm.wide", (2, 9, 77)), ("rms_norm.many", (150, 40)), ("rms_norm.narrow", (5, 3))]:
    case(name, {"x": rand(*shape) + 1, "weight": rand(shape[-1])},
         lambda x, weight: F.rms_norm(x, (x.shape[-1],), weight, 1e-6))
angles = rand(7, 5)
case("rope.pairs", {"x": rand(2, 7, 20), "cos": angles.cos(), "sin": angles.sin()}, rope_pairs, ask={"x"})
angles = rand(2, 7, 5)
case("rope.halves", {"x": rand(2, 7, 20), "cos": angles.cos(), "sin": angles.sin()}, rope_halves, ask={"x"})
case("linear", {"x": rand(2, 9, 37), "weight": rand(21, 37), "bias": rand(21), "residual": rand(2, 9, 21)},
     lambda x, weight, bias, residual: F.silu(F.linear(x, weight, bias)) + residual)
case("linear_geglu", {"x": rand(2, 9, 37), "weight": rand(42, 37) / 4, "bias": rand(42)},
     lambda x, weight, bias: (lambda z: z[..., :21] * F.gelu(z[..., 21:]))(F.linear(x, weight, bias)))
case("conv2d.plain", {"x": rand(2, 9, 8, 6), "weight": rand(10, 6, 3, 3), "bias": rand(10), "per_image": rand(2, 10)},
     lambda **inputs: conv2d(**inputs, padding=1))
case("conv2d.strided", {"x": rand(1, 9, 8, 6), "weight": rand(10, 6, 3, 3), "bias": rand(10)},
     lambda **inputs: conv2d(**inputs, stride=2, padding=1))
a, b = rand(4, 9), rand(4, 9)
case("combine", {"a": a, "b": b}, lambda a, b: 0.1 * a - 2.5 * b + a)
case("concat", {"a": rand(2, 3, 4), "b": rand(2, 1, 4)}, lambda a, b: torch.cat([a, b, a], dim=1))
save_file({k: v.contiguous() for k, v in sorted(out.items())}, pathlib.Path(__file__).parent / "grad.safetensors")
