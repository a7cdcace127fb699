#!/usr/bin/env python3
"""LoRAs that `danqing train lora` writes, in all three layouts, painted by Danqing and by diffusers with peft.

    python3 bench/compare_trained_lora.py build/release/danqing

Trains on the small golden model (random weights) and paints one picture with each file in both programs: the same noise, ten
Euler steps, f32. Prints the PSNR of the two pictures, and of the base's picture against the LoRA's for comparison. Needs torch,
diffusers, transformers, peft, safetensors, numpy and pillow. Ends with an error below 45 dB.
"""
import argparse
import math
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel

TINY = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "models" / "tiny"
SIDE, STEPS = 128, 10
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def psnr(a, b):
    error = numpy.mean((a.astype(float) - b.astype(float)) ** 2)
    return 99.0 if error == 0 else 10 * math.log10(255 * 255 / error)


def make_folder(to):
    """The small model with a tokenizer of its size: 486 pairs of letters."""
    shutil.copytree(TINY, to)
    (to / "tokenizer").mkdir()
    (to / "tokenizer" / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{a} {b}\n" for a in LETTERS for b in LETTERS)[:4 * 486])


def make_pictures(folder):
    folder.mkdir()
    for i in range(4):
        random.seed(i)
        small = Image.new("RGB", (8, 8))
        small.putdata([tuple(random.randrange(256) for _ in range(3)) for _ in range(64)])
        small.resize((SIDE, SIDE), Image.NEAREST).save(folder / f"{i}.png")


def ours(program, base, lora, out):
    command = [program, "paint", "", "-m", base, "--size", f"{SIDE}x{SIDE}", "--steps", str(STEPS), "--cfg", "1",
               "--sampler", "euler", "--scheduler", "normal", "--seed", "1", "--noise", "cpu", "-o", out]
    subprocess.run([*map(str, command), *(["--lora", str(lora)] if lora else [])], check=True, capture_output=True)
    return numpy.array(Image.open(out).convert("RGB"))


def theirs(base, lora):
    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=torch.float32)
    text = CLIPTextModel.from_pretrained(base / "text_encoder", torch_dtype=torch.float32)
    vae = AutoencoderKL.from_pretrained(base / "vae", torch_dtype=torch.float32)
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                       timestep_spacing="linspace")
    pipe = StableDiffusionPipeline(vae, text, None, unet, scheduler, None, None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    if lora:
        pipe.load_lora_weights(lora)
    ids = torch.full((1, 77), text.config.vocab_size - 1)
    ids[0, 0] = text.config.vocab_size - 2
    with torch.no_grad():
        scheduler.set_timesteps(STEPS)
        sigma = scheduler.sigmas[0].item()
        noise = torch.randn(1, 4, SIDE // 8, SIDE // 8, generator=torch.Generator().manual_seed(1))
        # The pipeline multiplies by sigma; at the most noise, samplers here start from √(1 + σ²).
        noise = noise * math.sqrt(1 + sigma * sigma) / scheduler.init_noise_sigma
        image = pipe(prompt_embeds=text(ids).last_hidden_state, guidance_scale=1, num_inference_steps=STEPS,
                     latents=noise, height=SIDE, width=SIDE, output_type="pil").images[0]
    return numpy.array(image)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    program = parser.parse_args().program.resolve()
    low = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        base, pictures = folder / "base", folder / "pictures"
        make_folder(base)
        make_pictures(pictures)
        plain = theirs(base, None)
        print(f"base: {psnr(ours(program, base, None, folder / 'base.png'), plain):.1f} dB")
        for layout in ("kohya", "diffusers", "comfy"):
            lora = folder / f"{layout}.safetensors"
            subprocess.run([program, "train", "lora", pictures, "-m", base, "-o", lora, "--format", layout, "--keep-all",
                            "--resolution", str(SIDE), "--steps", "40", "--rate", "1e-2", "--alpha", "8",
                            "--train-text-encoder", "--no-samples", "--seed", "3"], check=True, capture_output=True)
            image = ours(program, base, lora, folder / "lora.png")
            # ComfyUI's names are the checkpoint's, which diffusers does not read for this family.
            if layout == "comfy":
                print(f"{layout}: {psnr(image, reference):.1f} dB from the diffusers layout's")
                low |= psnr(image, reference) < 45
                continue
            reference = theirs(base, lora)
            print(f"{layout}: {psnr(image, reference):.1f} dB; base against it {psnr(plain, reference):.1f} dB")
            low |= psnr(image, reference) < 45
    sys.exit(1 if low else 0)


if __name__ == "__main__":
    main()
