#!/usr/bin/env python3
"""One LoRA training step of Stable Diffusion 1.5 (random weights, 512×512, batch 1, rank 16, checkpointing, f32): Danqing
beside PyTorch with diffusers and peft, in one run on one machine.

    python3 bench/compare_training.py build/release/danqing checkpoint.safetensors [--steps 5]

The checkpoint is of full size, as `make_checkpoint` writes it. Needs bench/requirements.txt and peft, pillow. Prints the median
seconds a step, the first step left out, and the peak memory of each process.
"""
import argparse
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile

PEFT = """
import resource, sys, time, torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig
unet = UNet2DConditionModel(sample_size=64, in_channels=4, out_channels=4, layers_per_block=2, cross_attention_dim=768,
    attention_head_dim=8, block_out_channels=(320, 640, 1280, 1280),
    down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3).to(memory_format=torch.channels_last)
unet.requires_grad_(False)
unet.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out",
                                                                 "ff.net.0.proj", "ff.net.2"]))
unet.enable_gradient_checkpointing()
unet.train()
optimizer = torch.optim.AdamW([p for p in unet.parameters() if p.requires_grad], lr=2e-4)
for step in range(int(sys.argv[1])):
    x = torch.randn(1, 4, 64, 64).to(memory_format=torch.channels_last)
    context, noise = torch.randn(1, 77, 768), torch.randn_like(x)
    start = time.perf_counter()
    torch.nn.functional.mse_loss(unet(x, torch.tensor([500]), context).sample, noise).backward()
    torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""


def make_pictures(folder):
    from PIL import Image
    for i in range(4):
        random.seed(i)
        small = Image.new("RGB", (16, 16))
        small.putdata([tuple(random.randrange(256) for _ in range(3)) for _ in range(256)])
        small.resize((512, 512), Image.NEAREST).save(folder / f"{i}.png")


def wall_times(events):
    """Wall times of the scalars in a TensorBoard file."""
    data, at, times = events.read_bytes(), 0, []
    while at < len(data):
        size = struct.unpack_from("<Q", data, at)[0]
        event = data[at + 12:at + 12 + size]
        at += 16 + size
        if b"loss" in event:
            times.append(struct.unpack_from("<d", event, 1)[0])
    return times


def danqing(program, checkpoint, steps):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "pictures").mkdir()
        make_pictures(folder / "pictures")
        process = subprocess.Popen([program, "train", "lora", folder / "pictures", "-m", checkpoint, "-q", "--no-samples",
                                    "--batch", "1", "--rank", "16", "--steps", str(steps), "-o", folder / "out.safetensors"],
                                   stdout=subprocess.DEVNULL)
        import os
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, status
        times = wall_times(folder / "out-logs" / "events.out.tfevents.0.danqing")
        return statistics.median(b - a for a, b in zip(times, times[1:])), usage.ru_maxrss / 1024


def peft(steps):
    out = subprocess.run([sys.executable, "-c", PEFT, str(steps)], check=True, capture_output=True, text=True).stdout
    rows = [tuple(map(float, line.split())) for line in out.splitlines() if line]
    return statistics.median(seconds for seconds, _ in rows[1:]), rows[-1][1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=lambda p: str(pathlib.Path(p).resolve()))
    parser.add_argument("checkpoint", type=lambda p: str(pathlib.Path(p).resolve()))
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    ours, theirs = danqing(options.program, options.checkpoint, options.steps), peft(options.steps)
    print(f"Danqing        {ours[0]:6.2f} s/step   peak {ours[1]:6.0f} MiB")
    print(f"PyTorch, peft  {theirs[0]:6.2f} s/step   peak {theirs[1]:6.0f} MiB")
    print(f"{theirs[0] / ours[0]:.2f} times faster, {ours[1] / theirs[1]:.2f} of its memory")


main()
