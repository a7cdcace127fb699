#!/usr/bin/env python3
"""Measures Danqing beside PyTorch on this machine and writes docs/benchmarks.md.

    cmake --preset release && cmake --build --preset release --target danqing make_checkpoint
    pip install -r bench/requirements.txt
    bench/run.py                     both, into docs/benchmarks.md
    bench/run.py --without-pytorch   Danqing alone

The checkpoint is random but of full size; it is made once, in build/bench/. Keep the machine quiet: the figures are medians,
but a busy machine has no honest median.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
WORK = ROOT / "build/bench"
MODEL = WORK / "full-f16.safetensors"
MIB = 2**20
LITTLE = "1250M"  # for the step whose weights do not all stay in memory


def make_model():
    WORK.mkdir(parents=True, exist_ok=True)
    if not MODEL.exists():
        subprocess.run([BUILD / "make_checkpoint", "-o", MODEL], check=True, stdout=subprocess.DEVNULL)


def bench_danqing(runs):
    """All cases, and the denoiser's step once more in little memory."""
    def bench(*more):
        return json.loads(subprocess.run([BUILD / "danqing", "bench", *more, "-m", MODEL, "--runs", str(runs), "--json"],
                                         check=True, capture_output=True, text=True).stdout)
    out = bench()
    for run, little in zip(out, bench("denoiser", "--memory", LITTLE)):
        run["results"] += [r for r in little["results"] if r["case"].startswith("denoiser")]
    return out


def bench_pytorch(runs, dtypes):
    command = [sys.executable, ROOT / "bench/compare_diffusers.py", "--repeat", str(runs), "--only", "copy"]
    for case in ("matmul", "attention", "text_encode", "vae_decode", "unet_step"):
        for dtype in dtypes:
            command += ["--only", f"{case}_{dtype}"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def both(runs, with_pytorch):
    """A round: Danqing's report and PyTorch's, in the precisions that Danqing has here."""
    ours = bench_danqing(runs)
    return ours, bench_pytorch(runs, sorted({run["precision"] for run in ours})) if with_pytorch else None


def middle_of(rounds, key):
    """The rounds' report with the median of the times, rates and shares and the most of the peaks."""
    out = dict(rounds[0])
    out[key] = []
    for rows in zip(*(r[key] for r in rounds)):
        row = dict(rows[0])
        for name, value in row.items():
            if name.startswith(("peak", "load")):
                row[name] = max(r[name] for r in rows)
            elif isinstance(value, float):
                row[name] = statistics.median(r[name] for r in rows)
        out[key].append(row)
    return out


def paint(steps):
    """One whole picture: seconds to the first step and in all, and peak resident memory, as the kernel counts them."""
    command = [BUILD / "danqing", "paint", "a lighthouse at dusk", "-m", MODEL, "--steps", str(steps), "--seed", "1", "-o",
               WORK / "picture.png"]
    environment = dict(os.environ, XDG_CACHE_HOME=str(WORK / "cache"))
    begin = time.monotonic()
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)
    # The line of the first step comes when that step is done and says how long it took.
    first = None
    for line in child.stderr:
        found = re.search(r"step 1/\d+ · ([\d.]+) (s/step|steps/s)", line)
        if found and first is None:
            seconds = float(found[1]) if found[2] == "s/step" else 1 / float(found[1])
            first = time.monotonic() - begin - seconds
    _, code, usage = os.wait4(child.pid, 0)
    assert code == 0, f"paint ended with {code}"
    return dict(first_step=first, seconds=time.monotonic() - begin, peak=usage.ru_maxrss * 1024)


def roofs(pytorch):
    rows = [r for r in pytorch["cases"] if r["case"].startswith("matmul")]
    return ", ".join(f"{r['seconds']:.4f} s in {r['case'][7:]} ({r['flop_per_second'] / 1e9:.0f} GFLOP/s)" for r in rows)


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    flags = re.search(r"flags\s*: (.*)", text)[1].split()
    isa = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if f in flags]
    name = re.search(r"model name\s*: (.*)", text)[1]
    family, model = re.search(r"cpu family\s*: (\d+)", text)[1], re.search(r"model\s*: (\d+)", text)[1]
    return f"{name} (family {family}, model {model}; {', '.join(isa)}), {os.cpu_count()} cores"


def danqing_table(run):
    lines = [f"### {run['device']}, {run['precision']}", "",
             "| case | seconds | rate | share of the roof | peak resident | of it anonymous |", "|---|---|---|---|---|---|"]
    for r in run["results"]:
        rate = f"{r['bytes'] / r['seconds'] / 1e9:.1f} GB/s" if r["bytes"] else f"{r['flop'] / r['seconds'] / 1e9:.0f} GFLOP/s"
        lines.append(f"| {r['case']} | {r['seconds']:.4f} | {rate} | {100 * r['roof_share']:.0f} % | {r['peak_bytes'] / MIB:.0f} MiB "
                     f"| {r['peak_anonymous_bytes'] / MIB:.0f} MiB |")
    return lines


PAIRS = {"attention": "attention, 4096 tokens, 8 heads of 40, batch 2", "text_encode": "text encoding, 77 tokens",
         "vae_decode": "VAE decode, 512×512", "unet_step": "denoiser step, 512×512, batch 2"}


def peer_table(danqing, pytorch):
    lines = ["| case | PyTorch seconds | its peak | Danqing seconds | its peak | times faster | share of its memory |",
             "|---|---|---|---|---|---|---|"]
    ours = {(run["precision"], r["case"]): r for run in danqing for r in run["results"]}
    for r in pytorch["cases"]:
        case, _, dtype = r["case"].rpartition("_")
        if case not in PAIRS:
            continue
        precision = dtype if (dtype, PAIRS[case]) in ours else "f32"
        # The case, and the same with weights streamed.
        for (of, name), mine in ours.items():
            if of != precision or not name.startswith(PAIRS[case]):
                continue
            label = r["case"] + name[len(PAIRS[case]):]
            lines.append(f"| {label} | {r['seconds']:.4f} | {r['peak_rss'] / MIB:.0f} MiB | {mine['seconds']:.4f} | "
                         f"{mine['peak_bytes'] / MIB:.0f} MiB | {r['seconds'] / mine['seconds']:.2f} | {mine['peak_bytes'] / r['peak_rss']:.2f} |")
    return lines


BY_HAND = "## A training step"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--rounds", type=int, default=3, help="how often both take turns")
    p.add_argument("--without-pytorch", action="store_true")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/benchmarks.md")
    args = p.parse_args()
    make_model()
    rounds = [both(args.runs, not args.without_pytorch) for _ in range(args.rounds)]
    danqing = [middle_of([ours[i] for ours, _ in rounds], "results") for i in range(len(rounds[0][0]))]
    pictures = [paint(2) for _ in range(3)]
    lines = ["# Benchmarks", "",
             f"Written by `bench/run.py` on {datetime.date.today()}. {machine()}.", "",
             f"Medians of {args.rounds} rounds of {args.runs} runs; in a round each program runs all cases. The roof is this machine's own: the "
             "first row is a 2048³ matrix product by the same kernels (see `bench/ops_bench.cpp` for oneDNN and a plain FMA loop as witnesses), the "
             "second a copy. A share of the roof is of the product as it ran between the runs of that case, since a shared machine changes its "
             "speed from one moment to the next; the peaks contain that product's 48 MiB. Work is counted as the plain algorithm does it, so a 3×3 convolution by "
             "Winograd can pass 100 %. The checkpoint is random, of full size (2.1 GB in f16).", "", "## Danqing", ""]
    for run in danqing:
        lines += danqing_table(run) + [""]
    middle = sorted(pictures, key=lambda r: r["first_step"])[len(pictures) // 2]
    lines += ["### A whole picture, 512×512, f16 checkpoint, files in the page cache", "",
              f"- command to first denoiser step: {middle['first_step']:.2f} s",
              f"- peak resident memory: {max(r['peak'] for r in pictures) / MIB:.0f} MiB", ""]
    if not args.without_pytorch:
        pytorch = middle_of([theirs for _, theirs in rounds], "cases")
        lines += ["## Beside PyTorch", "",
                  f"torch {pytorch['torch']} ({pytorch['capability']}), diffusers {pytorch['diffusers']}, channels-last, SDPA, inference "
                  "mode, the same run on the same machine. Peaks are whole processes. Its own 4096³ matrix product: "
                  f"{roofs(pytorch)}.", ""] + peer_table(danqing, pytorch) + [""]
    # What other programs measured stays.
    before = args.out.read_text() if args.out.exists() else ""
    at = before.find(BY_HAND)
    args.out.write_text("\n".join(lines) + (before[at:] if at >= 0 else ""))
    print(args.out)


if __name__ == "__main__":
    main()
