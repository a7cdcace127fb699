#!/usr/bin/env python3
"""A LoRA of the small U-Net and text encoder in sd-scripts' layout, and what diffusers paints with it.

Writes tests/golden/models/lora.safetensors (rank 3, alpha 2, linear layers and 1×1 convolutions of both parts, seeded)
and lora_unet.safetensors: x, t, context and the U-Net's output without it and at the strengths 1 and 0.6, in f64.
diffusers reads the file itself (StableDiffusionPipeline.load_lora_weights, through peft).

Needs torch, diffusers, transformers, peft and safetensors. Same script, same versions, same bytes.
"""
import pathlib

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel

HERE = pathlib.Path(__file__).parent / "models"
RANK, ALPHA = 3, 2.0

unet = UNet2DConditionModel.from_pretrained(HERE / "tiny" / "unet")
text = CLIPTextModel.from_pretrained(HERE / "tiny" / "text_encoder")
vae = AutoencoderKL.from_pretrained(HERE / "tiny" / "vae")
g = torch.Generator().manual_seed(21)
lora = {}


def add(prefix, model, wanted):
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if weight is None or weight.ndim < 2 or not wanted(name):
            continue
        key = prefix + name.replace(".", "_")
        ones = (1,) * (weight.ndim - 2)
        lora[key + ".lora_down.weight"] = torch.randn(RANK, weight.shape[1], *ones, generator=g) * weight.shape[1] ** -0.5
        lora[key + ".lora_up.weight"] = torch.randn(weight.shape[0], RANK, *ones, generator=g) * 0.4
        lora[key + ".alpha"] = torch.tensor(ALPHA)


add("lora_unet_", unet, lambda n: ".attentions." in "." + n)
# Files name modules as transformers 4 did, with "text_model".
add("lora_te_text_model_", text, lambda n: "self_attn" in n or "mlp" in n)
save_file({k: v.contiguous() for k, v in lora.items()}, HERE / "lora.safetensors",
          metadata={"ss_network_module": "networks.lora", "ss_base_model_version": "sd_v1"})

x = torch.randn(2, 4, 16, 16, generator=g)
context = torch.randn(2, 77, unet.config.cross_attention_dim, generator=g)
t = 500.0
out = {"x": x, "context": context, "t": torch.tensor([t])}
pipe = StableDiffusionPipeline(vae, text, None, unet, DDIMScheduler(), None, None, requires_safety_checker=False)
pipe.load_lora_weights(HERE / "lora.safetensors", adapter_name="one")
active = sum(1 for n, _ in unet.named_parameters() if "lora_A" in n)
assert active == 192, active
unet.double()
with torch.no_grad():
    for name, strength in [("full", 1.0), ("part", 0.6)]:
        pipe.set_adapters("one", adapter_weights=strength)
        out[name] = unet(x.double(), t, context.double()).sample.float()
    pipe.unload_lora_weights()
    out["plain"] = unet(x.double(), t, context.double()).sample.float()
save_file({k: v.contiguous() for k, v in sorted(out.items())}, HERE / "lora_unet.safetensors")
print({k: (v - out["plain"]).norm().item() / out["plain"].norm().item() for k, v in out.items() if k in ("full", "part")})
