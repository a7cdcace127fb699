#!/usr/bin/env python3
"""The paths of optimisers over seeded gradients, step by step, by their public implementations.

Writes tests/golden/optimizer.safetensors:
  {leaf}.start, {leaf}.gradients [60, …], {leaf}.path [60, …]: torch.optim.AdamW on three leaves, "vector" without
      decay; the path is the values after each step. Rate 0.01·(1 − step/100), weight decay 0.1.
  {adafactor, adafactor_scaled, lion}.{leaf}.path: the same start, gradients and rates with transformers' Adafactor
      (clip 1, decay 0.1; scaled: scale_parameter, relative_step, warmup_init, beta1 0.9, clip 0.5) and with Lion
      (rate 1/10), which follows Algorithm 2 of Chen et al. 2023 and is checked here against bitsandbytes' Lion.
  {prodigy, prodigy_tuned}.{leaf}.{start, gradients, path} and .d [60]: prodigyopt's Prodigy on a quadratic, whose
      gradients depend on the path. Rate 1, decay 0.1; tuned: rate min(1, step/10), coupled decay, d_coef 2,
      growth_rate 1.5, bias correction, safeguard_warmup.
  map.signed, map.unsigned [256]: bitsandbytes' create_dynamic_map.
  coded.{leaf}.{start, gradients [20, …], path [20, …]}: bitsandbytes' AdamW8bit on the CPU, but that codes are those
      of the nearest values, which its search misses by one where two are almost as near; of "large" only steps 1,
      5 and 20 [3, …], its gradients are f16, and .{first, second}{"", .peaks} [3, …] are its state. Gradients stay
      away from 0, so that no second moment rounds to 0. Rate 0.01, decay 0.1.

Needs torch, transformers, safetensors, prodigyopt 1.1.2 and bitsandbytes 0.50.2.
"""
import pathlib

import bitsandbytes as bnb
import torch
from bitsandbytes.functional import create_dynamic_map
from prodigyopt import Prodigy
from safetensors.torch import save_file
from transformers.optimization import Adafactor

STEPS = 60
g = torch.Generator().manual_seed(3)
shapes = {"matrix": (7, 5), "vector": (13,), "kernel": (3, 2, 3, 3)}
start = {k: torch.randn(*s, generator=g) for k, s in shapes.items()}
gradients = {k: torch.randn(STEPS, *s, generator=g) * torch.logspace(-6, 2, STEPS).reshape(-1, *[1] * len(s))
             for k, s in shapes.items()}
out = {f"{k}.start": v for k, v in start.items()} | {f"{k}.gradients": v for k, v in gradients.items()}


def groups(leaves, decay=0.1):
    return [{"params": [v for k, v in leaves.items() if k != "vector"], "weight_decay": decay},
            {"params": [v for k, v in leaves.items() if k == "vector"], "weight_decay": 0.0}]


def run(make, gradient_of, rate_of, steps=STEPS, start=start, watch=None):
    """Steps an optimiser; returns the leaves' values after each step."""
    leaves = {k: torch.nn.Parameter(v.clone()) for k, v in start.items()}
    optimizer = make(leaves)
    path = {k: [] for k in leaves}
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(step)
        for k, leaf in leaves.items():
            leaf.grad = gradient_of(k, leaf.detach(), step)
        optimizer.step()
        for k, leaf in leaves.items():
            path[k].append(leaf.detach().clone())
        if watch:
            watch(step, optimizer, leaves)
    return {k: torch.stack(v) for k, v in path.items()}


def given(k, leaf, step):
    return gradients[k][step].clone()


def falling(step):
    return 1e-2 * (1 - step / 100)


class Lion(torch.optim.Optimizer):
    def __init__(self, params, beta1=0.9, beta2=0.99):
        super().__init__(params, {"lr": 0.0})
        self.betas = beta1, beta2

    @torch.no_grad()
    def step(self):
        beta1, beta2 = self.betas
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = torch.sign(beta1 * m + (1 - beta1) * p.grad)
                p -= group["lr"] * (update + group["weight_decay"] * p)
                m.mul_(beta2).add_((1 - beta2) * p.grad)


def encode_nearest(x, values, peaks, codes, size):
    """bitsandbytes' search in its CPU build errs near half ways; this takes the nearest value."""
    theirs, found = torch.ops.bitsandbytes.quantize_blockwise(x, values, size)
    scaled = x.flatten() / found.repeat_interleave(size)[:x.numel()]
    nearest = torch.bucketize(scaled, (values[1:] + values[:-1]) / 2).reshape(x.shape)
    assert (nearest - theirs.int()).abs().max() <= 1 and (nearest != theirs).float().mean() < 0.01
    codes.copy_(nearest)
    peaks.copy_(found)


def keep(prefix, path):
    for k, v in path.items():
        out[f"{prefix}{k}.path"] = v


keep("", run(lambda leaves: torch.optim.AdamW(groups(leaves), lr=1e-2), given, falling))
keep("adafactor.", run(lambda leaves: Adafactor(groups(leaves), lr=1e-2, scale_parameter=False,
                                                relative_step=False), given, falling))
keep("adafactor_scaled.", run(lambda leaves: Adafactor(groups(leaves), beta1=0.9, clip_threshold=0.5,
                                                       warmup_init=True), given, lambda step: None))
lion = run(lambda leaves: Lion(groups(leaves)), given, lambda step: falling(step) / 10)
theirs = run(lambda leaves: bnb.optim.Lion32bit(groups(leaves), betas=(0.9, 0.99)), given,
             lambda step: falling(step) / 10)
for k in lion:
    assert torch.allclose(lion[k], theirs[k], rtol=1e-5, atol=1e-7), k
keep("lion.", lion)

# A bowl of ellipses: curvatures from 0.01 to 100, the bottom some way off. The vector sets out from 0, as half of a
# low-rank pair does.
curvature = {k: 10 ** (4 * torch.rand(*s, generator=g) - 2) for k, s in shapes.items()}
bottom = {k: 3 * torch.randn(*s, generator=g) for k, s in shapes.items()}
for name, rate_of, decay, options in [
        ("prodigy", lambda step: 1.0, 0.1, {}),
        ("prodigy_tuned", lambda step: min(1.0, step / 10), 0.02,
         dict(decouple=False, d_coef=2.0, growth_rate=1.5, use_bias_correction=True, safeguard_warmup=True, d0=1e-4))]:
    first = {k: v * (k != "vector") for k, v in start.items()}
    seen, d = {k: [] for k in shapes}, []

    def bowl(k, leaf, step):
        seen[k].append(curvature[k] * (leaf - bottom[k]))
        return seen[k][-1].clone()

    path = run(lambda leaves: Prodigy(groups(leaves, decay), **options), bowl, rate_of, start=first,
               watch=lambda step, optimizer, leaves: d.append(optimizer.param_groups[0]["d"]))
    for k in shapes:
        out[f"{name}.{k}.start"] = first[k].clone()
        out[f"{name}.{k}.gradients"] = torch.stack(seen[k])
    keep(name + ".", path)
    out[name + ".d"] = torch.tensor(d, dtype=torch.float64)
    print(name, "d at steps 1, 10, 20, 60:", d[0], d[9], d[19], d[-1])

out["map.signed"], out["map.unsigned"] = create_dynamic_map(True), create_dynamic_map(False)
sizes = {"large": (70, 60), "vector": (13,)}
coded_start = {k: torch.randn(*s, generator=g) for k, s in sizes.items()}
sign = lambda s: torch.where(torch.rand(20, *s, generator=g) < 0.7, 1.0, -1.0)
coded = {k: (sign(s) * (0.05 + torch.rand(20, *s, generator=g))).half() for k, s in sizes.items()}
kept, memory = (0, 4, 19), []


def remember(step, optimizer, leaves):
    if step in kept:
        memory.append({k: v.clone() for k, v in optimizer.state[leaves["large"]].items() if hasattr(v, "clone")})


bnb.backends.cpu.ops._quant_blockwise_fp32_direct = encode_nearest
path = run(lambda leaves: bnb.optim.AdamW8bit(groups(leaves)), lambda k, leaf, step: coded[k][step].float(),
           lambda step: 1e-2, steps=20, start=coded_start, watch=remember)
for k in sizes:
    out[f"coded.{k}.start"] = coded_start[k]
    out[f"coded.{k}.gradients"] = coded[k]
out["coded.vector.path"], out["coded.large.path"] = path["vector"], path["large"][list(kept)]
for ours, name in (("first", "state1"), ("first.peaks", "absmax1"), ("second", "state2"), ("second.peaks", "absmax2")):
    out["coded.large." + ours] = torch.stack([m[name] for m in memory])
save_file({k: v.contiguous() for k, v in sorted(out.items())}, pathlib.Path(__file__).parent / "optimizer.safetensors")
