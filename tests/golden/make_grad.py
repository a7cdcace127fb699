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
save_file({k: v.contiguous() for k, v in sorted(out.items())}, pathlib.Path(__file__).parent / "grad.safetensors")
