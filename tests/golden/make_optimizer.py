#!/usr/bin/env python3
"""The path of torch.optim.AdamW over seeded gradients.

Writes tests/golden/optimizer.safetensors: of three leaves (one without decay) "start", "gradients" [60, …] and "path"
[60, …], the values after each step. Rate 0.01·(1 − step/100), weight decay 0.1. Needs torch and safetensors.
"""
import pathlib

import torch
from safetensors.torch import save_file

g = torch.Generator().manual_seed(3)
shapes = {"matrix": (7, 5), "vector": (13,), "kernel": (3, 2, 3, 3)}
leaves = {k: torch.nn.Parameter(torch.randn(*s, generator=g)) for k, s in shapes.items()}
out = {f"{k}.start": v.detach().clone() for k, v in leaves.items()}
gradients = {k: torch.randn(60, *s, generator=g) * torch.logspace(-6, 2, 60).reshape(-1, *[1] * len(s))
             for k, s in shapes.items()}
optimizer = torch.optim.AdamW([{"params": [leaves["matrix"], leaves["kernel"]], "weight_decay": 0.1},
                               {"params": [leaves["vector"]], "weight_decay": 0.0}], lr=1e-2)
path = {k: [] for k in shapes}
for step in range(60):
    for group in optimizer.param_groups:
        group["lr"] = 1e-2 * (1 - step / 100)
    for k, leaf in leaves.items():
        leaf.grad = gradients[k][step].clone()
    optimizer.step()
    for k, leaf in leaves.items():
        path[k].append(leaf.detach().clone())
for k in shapes:
    out[f"{k}.gradients"] = gradients[k].contiguous()
    out[f"{k}.path"] = torch.stack(path[k])
save_file(dict(sorted(out.items())), pathlib.Path(__file__).parent / "optimizer.safetensors")
