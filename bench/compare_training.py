#!/usr/bin/env python3
"""One LoRA training step of Stable Diffusion 1.5 (random weights, 512×512, batch 1, rank 16, checkpointing): Danqing beside
PyTorch with diffusers and peft, in one run on one machine.

    python3 bench/compare_training.py build/release/danqing checkpoint.safetensors [--steps 5] [--rounds 2] [--precision bf16]

The checkpoint is of full size, as `make_checkpoint` writes it. Needs bench/requirements.txt and peft, pillow. In bf16 both
multiply in bf16 and keep the adapter in f32; PyTorch's base lies in bf16, under autocast. The programs take turns; printed are the
median seconds a step, the first step of each round left out, the peak memory of each process, and Danqing's share of the roof
(`danqing bench roof`, before and after each of its runs), counting three passes of the U-Net: there, there again, and back.
"""
import argparse
import json
import os
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
bf16 = sys.argv[2] == "bf16"
if bf16:
    unet.to(torch.bfloat16)
unet.requires_grad_(False)
unet.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out",
                                                                 "ff.net.0.proj", "ff.net.2"]))
for p in unet.parameters():
    if p.requires_grad:
        p.data = p.data.float()
unet.enable_gradient_checkpointing()
unet.train()
optimizer = torch.optim.AdamW([p for p in unet.parameters() if p.requires_grad], lr=2e-4)
for step in range(int(sys.argv[1])):
    x = torch.randn(1, 4, 64, 64).to(memory_format=torch.channels_last)
    context, noise = torch.randn(1, 77, 768), torch.randn_like(x)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = torch.nn.functional.mse_loss(unet(x, torch.tensor([500]), context).sample.float(), noise)
    loss.backward()
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


# Of one forward pass of one picture at 512×512, as PyTorch's FlopCounterMode counts it.
FORWARD_FLOP = 0.803e12


def roof(program, precision):
    out = subprocess.run([program, "bench", "roof", "--runs", "25", "--precision", precision, "--json"], check=True,
                         capture_output=True, text=True).stdout
    row = json.loads(out)[0]["results"][0]
    return row["flop"] / row["seconds"]


def danqing(program, checkpoint, steps, precision):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "pictures").mkdir()
        make_pictures(folder / "pictures")
        process = subprocess.Popen([program, "train", "lora", folder / "pictures", "-m", checkpoint, "-q", "--no-samples", "--precision", precision, "--checkpointing", "always",
                                    "--batch", "1", "--rank", "16", "--steps", str(steps), "-o", folder / "out.safetensors"],
                                   stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, status
        times = wall_times(folder / "out-logs" / "events.out.tfevents.0.danqing")
        return [b - a for a, b in zip(times, times[1:])], usage.ru_maxrss / 1024


def peft(steps, precision):
    out = subprocess.run([sys.executable, "-c", PEFT, str(steps), precision], check=True, capture_output=True, text=True).stdout
    rows = [tuple(map(float, line.split())) for line in out.splitlines() if line]
    return [seconds for seconds, _ in rows[1:]], rows[-1][1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=lambda p: str(pathlib.Path(p).resolve()))
    parser.add_argument("checkpoint", type=lambda p: str(pathlib.Path(p).resolve()))
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    options = parser.parse_args()
    ours, theirs, roofs, peaks = [], [], [], [0, 0]
    for _ in range(options.rounds):
        roofs.append(roof(options.program, options.precision))
        seconds, peak = danqing(options.program, options.checkpoint, options.steps, options.precision)
        roofs.append(roof(options.program, options.precision))
        ours += seconds
        peaks[0] = max(peaks[0], peak)
        seconds, peak = peft(options.steps, options.precision)
        theirs += seconds
        peaks[1] = max(peaks[1], peak)
    mine, peer, most = statistics.median(ours), statistics.median(theirs), statistics.median(roofs)
    print(f"Danqing        {mine:6.2f} s/step   peak {peaks[0]:6.0f} MiB   {100 * 3 * FORWARD_FLOP / mine / most:.0f} % of the "
          f"{options.precision} roof of {most / 1e9:.0f} GFLOP/s")
    print(f"PyTorch, peft  {peer:6.2f} s/step   peak {peaks[1]:6.0f} MiB")
    print(f"{peer / mine:.2f} times faster, {peaks[0] / peaks[1]:.2f} of its memory")


main()
