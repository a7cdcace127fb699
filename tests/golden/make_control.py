#!/usr/bin/env python3
"""A control net of the small U-Net, and what diffusers computes with it.

Writes tests/golden/models/control/: net.safetensors (diffusers' names, f16), original_names.json (the original's name of
every tensor → diffusers'), net_unet.safetensors: x, t, context, two pictures (hint.a, hint.b, [1, H, W, 3] in [0, 1]); what
the net adds for the first (added.00 … added.12, [N, h, w, C], the middle last); the U-Net's output without (plain), with
the first at strength 1 (one), with both at 0.7 and 0.4 (both), at an odd size with concatenated rows (ragged.*); and the gradient of
mean((out − target)²) in some of the net's parameters (gradient.<original name>). Computed in f64.

Needs torch, diffusers and safetensors. Same script, same versions, same bytes.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.loaders import single_file_utils as official
from safetensors.torch import save_file

import make_models

HERE = pathlib.Path(__file__).parent / "models"
OUT = HERE / "control"
CONFIG = {k: v for k, v in make_models.UNET_CONFIG.items()
          if k in ("in_channels", "flip_sin_to_cos", "freq_shift", "down_block_types", "block_out_channels",
                   "layers_per_block", "downsample_padding", "mid_block_scale_factor", "act_fn", "norm_num_groups",
                   "norm_eps", "cross_attention_dim", "attention_head_dim")}


def original_name(name):
    parts = name.split(".")
    if parts[0] == "controlnet_cond_embedding":
        if parts[1] == "conv_in":
            return "input_hint_block.0." + parts[2]
        if parts[1] == "conv_out":
            return "input_hint_block.14." + parts[2]
        return f"input_hint_block.{2 * int(parts[2]) + 2}.{parts[3]}"
    if parts[0] == "controlnet_down_blocks":
        return f"zero_convs.{parts[1]}.0.{parts[2]}"
    if parts[0] == "controlnet_mid_block":
        return f"middle_block_out.0.{parts[1]}"
    return make_models.original_unet_name(name)


def nhwc(x):
    return x.permute(0, 2, 3, 1).contiguous()


torch.manual_seed(0)
unet = UNet2DConditionModel.from_pretrained(HERE / "tiny" / "unet")
net = ControlNetModel(**CONFIG)
make_models.randomize(net, 31)
make_models.round_to_f16(net)
OUT.mkdir(exist_ok=True)
state = net.state_dict()
names = dict(sorted((original_name(k), k) for k in state))
assert len(names) == len(state)
# diffusers' own way from the original's names must give every tensor back.
single = {"control_model." + o: state[d] for o, d in names.items()}
back = official.convert_controlnet_checkpoint(single, {**CONFIG, "use_linear_projection": False})
assert set(back) == set(state) and all(torch.equal(back[k].reshape(state[k].shape), state[k]) for k in state)
save_file({k: v.half().contiguous() for k, v in state.items()}, OUT / "net.safetensors", {"format": "pt"})
(OUT / "original_names.json").write_text(json.dumps(names, indent=0) + "\n")

g = torch.Generator().manual_seed(32)
unet.double()
net.double()


def picture(h, w):
    low = torch.rand(1, 3, h // 8, w // 8, generator=g)
    return F.interpolate(low, size=(h, w), mode="bilinear").clamp(0, 1)


def run(x, t, context, hints):
    """hints: (picture, strength) pairs."""
    down, mid = None, None
    for hint, strength in hints:
        d, m = net(x.double(), t, context.double(), hint.double().expand(len(x), -1, -1, -1), conditioning_scale=strength,
                   return_dict=False)
        down, mid = (d, m) if down is None else ([a + b for a, b in zip(down, d)], mid + m)
    return unet(x.double(), t, context.double(), down_block_additional_residuals=down, mid_block_additional_residual=mid).sample


x = torch.randn(2, 4, 16, 16, generator=g)
context = torch.randn(2, 77, unet.config.cross_attention_dim, generator=g)
t = 501.0
a, b = picture(128, 128), picture(128, 128)
out = {"x": x, "context": context, "t": torch.tensor([t]), "hint.a": nhwc(a), "hint.b": nhwc(b)}
with torch.no_grad():
    down, mid = net(x.double(), t, context.double(), a.double().expand(2, -1, -1, -1), return_dict=False)
    for i, r in enumerate(list(down) + [mid]):
        out[f"added.{i:02}"] = nhwc(r)
    out["plain"] = unet(x.double(), t, context.double()).sample
    out["one"] = run(x, t, context, [(a, 1.0)])
    out["both"] = run(x, t, context, [(a, 0.7), (b, 0.4)])
    rx = torch.randn(1, 4, 13, 9, generator=g)
    rh = picture(104, 72)
    out |= {"ragged.x": rx, "ragged.hint": nhwc(rh), "ragged.out": run(rx, t, context[:1], [(rh, 1.0)])}

target = torch.randn(2, 4, 16, 16, generator=g)
out["target"] = target
loss = ((run(x, t, context, [(a, 1.0)]) - target.double()) ** 2).mean()
loss.backward()
out["loss"] = loss.detach().reshape(1)
parameters = dict(net.named_parameters())
for original in ("input_hint_block.0.weight", "input_hint_block.14.bias", "input_blocks.0.0.weight", "zero_convs.0.0.weight",
                 "zero_convs.11.0.weight", "middle_block_out.0.weight", "middle_block.1.transformer_blocks.0.attn2.to_k.weight",
                 "input_blocks.4.1.transformer_blocks.0.ff.net.0.proj.weight", "input_blocks.7.0.in_layers.2.weight",
                 "time_embed.0.weight", "input_blocks.3.0.op.weight", "input_blocks.1.1.norm.weight"):
    out["gradient." + original] = parameters[names[original]].grad
print("one moves the output by", ((out["one"] - out["plain"]).norm() / out["plain"].norm()).item())
save_file({k: v.float().contiguous() for k, v in sorted(out.items())}, OUT / "net_unet.safetensors")
