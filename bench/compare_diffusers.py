#!/usr/bin/env python3
"""The cases of `danqing bench`, run in PyTorch with diffusers and transformers at their best settings on a CPU.

    pip install -r bench/requirements.txt
    bench/compare_diffusers.py                        all cases, a table on stderr, JSON on stdout
    bench/compare_diffusers.py --only unet_step_bf16  one case (may be repeated); --list names them
    bench/compare_diffusers.py --tiny                 narrow networks and small sizes: is the script alive?

Weights are random (made here, nothing is downloaded). Every case runs in a process of its own, so that its peak memory is
its own: `load_rss` is resident after the model was made, `peak_rss` the most during the timed runs. Settings:
channels-last, scaled_dot_product_attention, inference_mode, one thread a core.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

UNET = dict(
    sample_size=64, in_channels=4, out_channels=4, down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3, block_out_channels=(320, 640, 1280, 1280),
    layers_per_block=2, norm_num_groups=32, cross_attention_dim=768, attention_head_dim=8)
VAE = dict(
    in_channels=3, out_channels=3, down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4, block_out_channels=(128, 256, 512, 512), layers_per_block=2,
    latent_channels=4, norm_num_groups=32, sample_size=512)
TEXT = dict(
    vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
    max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=49406, eos_token_id=49407, pad_token_id=49407)
TINY = dict(UNET=dict(block_out_channels=(32, 64, 64, 64), cross_attention_dim=48),
            VAE=dict(block_out_channels=(32, 64, 64, 64)),
            TEXT=dict(vocab_size=1000, hidden_size=48, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
                      bos_token_id=998, eos_token_id=999, pad_token_id=999))


def config(name, tiny):
    return {**globals()[name], **(TINY[name] if tiny else {})}


def status_bytes(field):
    """A memory figure of /proc/self/status, in bytes."""
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass  # the peak then includes making the model


# Each case: (dtype, tiny) → (function to time, what it works through: {"flop": …} or {"bytes": …}).


def matmul(dtype, tiny):
    import torch
    n = 256 if tiny else 4096
    a, b = (torch.randn(n, n).to(dtype) for _ in range(2))
    return (lambda: a @ b), {"flop": 2 * n**3}


def copy(dtype, tiny):
    import torch
    n = (1 << 22) if tiny else (1 << 28)
    a, b = torch.ones(n, dtype=torch.uint8), torch.zeros(n, dtype=torch.uint8)
    return (lambda: b.copy_(a)), {"bytes": 2 * n}


def attention(dtype, tiny):
    """Self-attention of the first level at 512²: batch 2, 8 heads of 40, 4096 tokens."""
    import torch
    tokens = 256 if tiny else 4096
    q, k, v = (torch.randn(2, tokens, 8, 40).to(dtype).transpose(1, 2) for _ in range(3))
    f = torch.nn.functional.scaled_dot_product_attention
    return (lambda: f(q, k, v)), {"flop": 2 * 8 * 4 * tokens**2 * 40}


def counted(make, call, dtype):
    """Makes a model in `dtype`, and counts the operations of `call` on a copy without storage."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    with torch.device("meta"), torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            call(make().eval())
    torch.set_default_dtype(dtype)  # parameters are born in it: no second copy in f32
    model = make().eval()
    torch.set_default_dtype(torch.float32)
    return model.to(memory_format=torch.channels_last), {"flop": counter.get_total_flops()}


def unet_step(dtype, tiny):
    """One step with guidance: batch 2."""
    import torch
    from diffusers import UNet2DConditionModel
    size, c = (16 if tiny else 64), config("UNET", tiny)
    shapes = (2, 4, size, size), (2, 77, c["cross_attention_dim"])
    model, work = counted(lambda: UNet2DConditionModel(**c),
                          lambda m: m(torch.randn(*shapes[0]), torch.tensor(500), torch.randn(*shapes[1])), dtype)
    x = torch.randn(*shapes[0]).to(dtype).contiguous(memory_format=torch.channels_last)
    context, t = torch.randn(*shapes[1]).to(dtype), torch.tensor(500)
    return (lambda: model(x, t, context, return_dict=False)), work


def vae_decode(dtype, tiny):
    import torch
    from diffusers import AutoencoderKL
    size = 8 if tiny else 64
    model, work = counted(lambda: AutoencoderKL(**config("VAE", tiny)), lambda m: m.decode(torch.randn(1, 4, size, size)), dtype)
    z = torch.randn(1, 4, size, size).to(dtype).contiguous(memory_format=torch.channels_last)
    return (lambda: model.decode(z, return_dict=False)), work


def text_encode(dtype, tiny):
    """One window of 77 tokens."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel
    c = config("TEXT", tiny)
    ids = torch.randint(0, c["bos_token_id"], (1, 77))
    ids[:, 0], ids[:, 20:] = c["bos_token_id"], c["eos_token_id"]
    model, work = counted(lambda: CLIPTextModel(CLIPTextConfig(**c)), lambda m: m(input_ids=ids.to("meta")), dtype)
    return (lambda: model(input_ids=ids)), work


CASES = {"copy": (copy, "float32")}
for _name, _make in (("matmul", matmul), ("attention", attention), ("text_encode", text_encode), ("vae_decode", vae_decode),
                     ("unet_step", unet_step)):
    for _short, _dtype in (("f32", "float32"), ("bf16", "bfloat16")):
        CASES[f"{_name}_{_short}"] = (_make, _dtype)


def run_case(args):
    """In the child: one case, its result as a line of JSON."""
    import torch
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    make, dtype = CASES[args.child]
    call, work = make(getattr(torch, dtype), args.tiny)
    load_rss = status_bytes("VmRSS")
    seconds = []
    with torch.inference_mode():
        call()  # warm-up: packing, thread start
        reset_peak()
        for _ in range(args.repeat):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    result = dict(case=args.child, seconds=median, all_seconds=seconds, load_rss=load_rss, peak_rss=status_bytes("VmHWM"), **work)
    result |= {f"{key}_per_second": value / median for key, value in work.items()}
    print(json.dumps(result))


def physical_cores():
    """Threads to use: one a core, siblings left out, never more than this process may use."""
    allowed = os.sched_getaffinity(0)
    cores = set()
    for cpu in allowed:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as f:
                cores.add(f.read().strip())
        except OSError:
            cores.add(cpu)
    return len(cores)


def versions():
    import diffusers
    import torch
    import transformers
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return dict(torch=torch.__version__, diffusers=diffusers.__version__, transformers=transformers.__version__, cpu=cpu,
                capability=torch.backends.cpu.get_cpu_capability())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", action="append", choices=list(CASES), metavar="CASE")
    p.add_argument("--list", action="store_true")
    p.add_argument("--tiny", action="store_true")
    p.add_argument("--repeat", type=int, default=5)
    p.add_argument("--threads", type=int, default=physical_cores())
    p.add_argument("--child", choices=list(CASES), help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.list:
        print("\n".join(CASES))
        return 0
    if args.child:
        run_case(args)
        return 0
    results, failed = [], 0
    for case in args.only or CASES:
        command = [sys.executable, os.path.abspath(__file__), "--child", case, "--repeat", str(args.repeat), "--threads", str(args.threads)]
        child = subprocess.run(command + ["--tiny"] * args.tiny, capture_output=True, text=True)
        if child.returncode != 0:
            failed += 1
            print(f"{case}: failed\n{child.stderr[-2000:]}", file=sys.stderr)
            continue
        r = json.loads(child.stdout.strip().splitlines()[-1])
        results.append(r)
        rate = f"{r['flop_per_second'] / 1e9:9.1f} GFLOP/s" if "flop" in r else f"{r['bytes_per_second'] / 1e9:9.1f} GB/s   "
        print(f"{case:18} {r['seconds']:9.4f} s {rate}  peak {r['peak_rss'] / 2**20:7.0f} MiB", file=sys.stderr)
    print(json.dumps(dict(threads=args.threads, tiny=args.tiny, **versions(), cases=results), indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
