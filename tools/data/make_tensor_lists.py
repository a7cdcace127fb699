#!/usr/bin/env python3
"""Writes tools/data/{full,small,mini,nano}.tsv, every tensor of a Stable Diffusion 1.5 checkpoint, and the JSON files of its diffusers
folder (diffusers_{full,small,mini,nano}.json), for make_checkpoint.

Columns: component, diffusers name, shape there, original single-file name, shape there, centre, spread. A value is
uniform in centre ± spread; the spread keeps activations O(1) (variance 1/fan_in). Needs torch, diffusers, transformers.
"""
import json
import math
import pathlib
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/golden"))
import make_models as tiny  # noqa: E402

FULL = dict(unet=dict(sample_size=64, block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=768),
            vae=dict(sample_size=512, block_out_channels=(128, 256, 512, 512)),
            text=dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                      num_attention_heads=12, bos_token_id=49406, eos_token_id=49407, pad_token_id=49407,
                      projection_dim=768))
SMALL = dict(unet={}, vae={}, text=dict(vocab_size=49408, num_attention_heads=1, bos_token_id=49406, eos_token_id=49407,
                                        pad_token_id=49407))
# The built-in model: the same graph, an eighth to a fifth as wide, with a vocabulary of its own (tools/mini).
MINI = dict(unet=dict(sample_size=16, block_out_channels=(64, 128, 128, 128), cross_attention_dim=192),
            vae=dict(sample_size=128, block_out_channels=(32, 64, 64, 128), layers_per_block=1),
            text=dict(vocab_size=6144, hidden_size=192, intermediate_size=768, num_hidden_layers=4, num_attention_heads=3,
                      bos_token_id=6142, eos_token_id=6143, pad_token_id=6143, projection_dim=192))
# Beside the built-in model's VAE and text encoder a U-Net of a tenth of the full widths, for comparisons of how to train.
NANO = MINI | dict(unet=dict(sample_size=16, block_out_channels=(32, 64, 128, 128), cross_attention_dim=192))


def range_of(component, name, shape):
    """(centre, spread) of a parameter's values."""
    if "norm" in name and len(shape) == 1:
        return (1, 0.1) if name.endswith("weight") else (0, 0.1)
    if "embedding.weight" in name:
        return 0, 0.5
    if len(shape) == 1:
        return 0, 0.05
    gain = 0.3 if component == "vae" and name == "decoder.conv_out.weight" else 1
    return 0, gain * math.sqrt(3 / math.prod(shape[1:]))


def write(path, sizes):
    with torch.device("meta"):
        unet = UNet2DConditionModel(**{**tiny.UNET_CONFIG, **sizes["unet"]})
        vae = AutoencoderKL(**{**tiny.VAE_CONFIG, **sizes["vae"]})
        text = CLIPTextModel(CLIPTextConfig(**{**tiny.TEXT_CONFIG, **sizes["text"]}))
    states = {"unet": unet.state_dict(), "vae": vae.state_dict(), "text_encoder": tiny.classic(text.state_dict())}
    table = tiny.original_table(states["unet"], states["vae"], states["text_encoder"])
    rows, count = [], {}
    for original, entry in table.items():
        component, name = entry["component"], entry["name"]
        shape = list(states[component][name].shape)
        centre, spread = range_of(component, name, shape)
        rows.append("\t".join([component, name, ",".join(map(str, shape)), original, ",".join(map(str, entry["shape"])),
                               f"{centre:g}", f"{spread:.6g}"]))
        n, total = count.get(component, (0, 0))
        count[component] = n + 1, total + math.prod(shape)
    path.write_text("\n".join(rows) + "\n")
    print(path.name, count)
    return count


def write_configs(path, sizes):
    """The tiny model's own files, with other sizes."""
    files = {str(p.relative_to(tiny.TINY)): json.loads(p.read_text()) for p in sorted(tiny.TINY.rglob("*.json"))
             if p.name != "original_names.json"}
    for name, key in (("unet", "unet"), ("vae", "vae"), ("text_encoder", "text")):
        files[f"{name}/config.json"] |= sizes[key]
    path.write_text(json.dumps(files, indent=1) + "\n")


counts = {}
for size, sizes in dict(full=FULL, small=SMALL, mini=MINI, nano=NANO).items():
    counts[size] = write(ROOT / f"tools/data/{size}.tsv", sizes)
    write_configs(ROOT / f"tools/data/diffusers_{size}.json", sizes)
full = counts["full"]
assert full == {"unet": (686, 859_520_964), "vae": (248, 83_653_863), "text_encoder": (196, 123_060_480)}, full
