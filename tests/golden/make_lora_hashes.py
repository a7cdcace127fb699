#!/usr/bin/env python3
"""The two hashes that sd-scripts writes into a LoRA, computed over the safetensors library's own serialisation.

Prints what tests/train/metadata_test.cpp expects: of a small file, and of one long enough for the old hash, whose
bytes from 1 MiB on count. (One ss_ entry: with more, the library's order of metadata is not fixed.)

Needs torch and safetensors.
"""
import hashlib
import struct

import torch
from safetensors.torch import save

NAME = "lora_unet_down_blocks_0_attentions_0_proj_in."


def hashes(tensors):
    data = save(tensors)
    header = struct.unpack("<Q", data[:8])[0]
    old = save(tensors, {"ss_network_dim": "2"})[0x100000:0x110000]
    return hashlib.sha256(data[8 + header:]).hexdigest(), hashlib.sha256(old).hexdigest()[:8]


small = {NAME + "alpha": torch.tensor(4.0).half(), NAME + "lora_down.weight": (torch.arange(8) / 8).reshape(2, 4).half(),
         NAME + "lora_up.weight": (torch.arange(6) / 4).reshape(3, 2).half()}
long = {**small, "a": (torch.arange(600_000) % 1021).half()}
print(hashes(small))
print(hashes(long))
