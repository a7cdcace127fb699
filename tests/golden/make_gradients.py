#!/usr/bin/env python3
"""Gradients of the whole small U-Net (tests/golden/models/tiny) as PyTorch computes them in f64.

Writes tests/golden/models/unet_gradients.safetensors: inputs x, t (one timestep a latent), context, target; the loss
(mean squared error); dL/dx, dL/dcontext whole; of every parameter's gradient, under its original name, the numbers at
⌊i·count/256⌋ (all of them when there are fewer than 256) and, as "norm.<name>", the norm of the whole.

Needs torch, diffusers and safetensors. Same script, same versions, same bytes.
"""
import json
import pathlib

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent / "models"
SAMPLES = 256


def sample(gradient):
    flat = gradient.flatten()
    count = flat.numel()
    if count <= SAMPLES:
        return flat.clone()
    return flat[torch.arange(SAMPLES) * count // SAMPLES]


def main():
    unet = UNet2DConditionModel.from_pretrained(HERE / "tiny" / "unet", torch_dtype=torch.float32).double()
    table = json.loads((HERE / "tiny" / "original_names.json").read_text())["tensors"]
    names = {entry["name"]: original.removeprefix("model.diffusion_model.")
             for original, entry in table.items() if entry["component"] == "unet"}
    g = torch.Generator().manual_seed(11)
    x = torch.randn(3, 4, 16, 24, generator=g)
    context = torch.randn(3, 77, unet.config.cross_attention_dim, generator=g)
    target = torch.randn(3, 4, 16, 24, generator=g)
    t = torch.tensor([999.0, 500.0, 3.0])
    a, c = x.double().requires_grad_(), context.double().requires_grad_()
    loss = torch.nn.functional.mse_loss(unet(a, t.double(), c).sample, target.double())
    loss.backward()
    out = {"x": x, "t": t, "context": context, "target": target, "loss": loss.detach().reshape(1).float(),
           "dx": a.grad.float(), "dcontext": c.grad.float()}
    for name, parameter in unet.named_parameters():
        original = names[name]
        out[original] = sample(parameter.grad).float()
        out["norm." + original] = parameter.grad.norm().reshape(1).float()
    save_file({k: v.contiguous() for k, v in sorted(out.items())}, HERE / "unet_gradients.safetensors")


main()
