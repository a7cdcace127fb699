"""Writes sampling/*: noise of torch and torchsde, noise levels, and the paths of the samplers on a toy denoiser.

Run: python tests/golden/make_sampling.py
"""
import json
import math
import pathlib
import warnings

import diffusers
import numpy as np
import sampling_reference as reference
import torch
import torchsde
from safetensors.torch import save_file
from scipy import stats

OUT = pathlib.Path(__file__).parent / "sampling"
SEEDS = [0, 1, 42, 2**32 - 1, 2**32, 2**63, 1234567890123]


def write(name: str, value) -> None:
    (OUT / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


# --- noise -----------------------------------------------------------------------------------------------------


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed if seed < 2**63 else seed - 2**64)


def fnv1a(data: bytes) -> str:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def noise() -> None:
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"), "plain C++ kernels give other bits"
    sizes = [*range(1, 71), 4 * 64 * 64, 4 * 65 * 63, 2 * 4 * 64 * 64]
    fresh = [[str(seed), n, fnv1a(torch.randn(n, generator=generator(seed)).numpy().tobytes())]
             for seed in SEEDS for n in sizes]
    # Successive calls on one generator; negative sizes are float64.
    mixed = [1, 2, 3, 5, 15, 16, 17, 7, 31, 33, -3, 9, -20, -1, 64, -64, 11, -1000, 1, 4 * 33 * 31]
    calls = []
    for seed in SEEDS:
        gen = generator(seed)
        for n in mixed:
            dtype = torch.float32 if n > 0 else torch.float64
            calls.append(fnv1a(torch.randn(abs(n), generator=gen, dtype=dtype).numpy().tobytes()))
    words = [[str(seed), [int(w) for w in np.random.SeedSequence(seed, spawn_key=key, pool_size=24).generate_state(4)],
              [str(k) for k in key]]
             for seed in [*SEEDS, 2**64 - 1] for key in [(), (0, 0), (5, 3), (2**40 + 7, 41)]]
    write("noise.json", {"seeds": [str(s) for s in SEEDS], "fresh": fresh, "mixed_sizes": mixed, "mixed": calls,
                         "seed_sequence": words})


class BrownianNoise:
    """k-diffusion's BrownianTreeNoiseSampler."""

    def __init__(self, shape, low, high, seed):
        self.tree = torchsde.BrownianTree(low, torch.zeros(shape), high, entropy=seed)

    def increment(self, a, b):
        low, high = (a, b) if a < b else (b, a)
        return self.tree(low, high)

    def __call__(self, sigma, sigma_next):
        sign = 1 if sigma < sigma_next else -1
        return self.increment(sigma, sigma_next) * sign / (sigma_next - sigma).abs().sqrt()


def brownian(out: dict) -> None:
    levels = torch.tensor([14.614642, 9.72322, 5.5, 3.3333333, 1.1, 1.0000001, 0.5, 0.111111, 0.05, 0.029167533])
    pairs = torch.stack([levels[:-1], levels[1:]], 1)
    extra = torch.tensor([[9.7, 8.1], [14.614642, 0.029167533], [3.0, 3.3], [14.614642, 9.72322]])
    queries = torch.cat([pairs, extra])
    out["brownian.queries"] = queries
    seeds = [0, 42, 2**32 + 5, 1234567890123456789, 2**64 - 1]
    shapes = [(1, 4, 4, 4), (2, 4, 3, 5)]
    cases = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "Should have ta>=t0": the rounded ends are expected
        for seed in seeds:
            for shape in shapes:
                sampler = BrownianNoise(shape, levels[-1], levels[0], seed)
                name = f"brownian.{len(cases)}"
                out[name + ".increments"] = torch.stack([sampler.increment(a, b) for a, b in queries])
                out[name + ".noise"] = torch.stack([sampler(a, b) for a, b in queries])
                cases.append({"seed": str(seed), "shape": shape})
    write("brownian.json", cases)


# --- noise levels ----------------------------------------------------------------------------------------------


class Discrete:
    def __init__(self, zero_snr=False):
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        bars = torch.cumprod(1 - betas, 0)
        sigmas = ((1 - bars) / bars) ** 0.5
        if zero_snr:
            roots = (1 / (sigmas * sigmas + 1)).sqrt()
            first, last = roots[0].clone(), roots[-1].clone()
            bars = ((roots - last) * (first / (first - last))) ** 2
            bars[-1] = 4.8973451890853435e-08
            sigmas = ((1 - bars) / bars) ** 0.5
        self.sigmas, self.log_sigmas = sigmas.float(), sigmas.log().float()

    def timestep(self, sigma):
        return (sigma.log() - self.log_sigmas[:, None]).abs().argmin(0).view(sigma.shape)

    def sigma(self, t):
        t = torch.clamp(t.float(), 0, len(self.sigmas) - 1)
        low, high, w = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - w) * self.log_sigmas[low] + w * self.log_sigmas[high]).exp()


class Flow:
    def __init__(self, shift):
        self.shift = shift
        self.sigmas = self.sigma(torch.arange(1, 1001, 1) / 1000 * 1000)

    def timestep(self, sigma):
        return sigma * 1000

    def sigma(self, t):
        t = t / 1000
        return t if self.shift == 1 else self.shift * t / (1 + (self.shift - 1) * t)


def schedule(table, name: str, n: int) -> list[float]:
    high, low = float(table.sigmas[-1]), float(table.sigmas[0])
    count = len(table.sigmas)
    if name in ("normal", "sgm_uniform"):
        start, end = table.timestep(table.sigmas[-1]), table.timestep(table.sigmas[0])
        at_zero = name == "normal" and math.isclose(float(table.sigma(end)), 0, abs_tol=1e-5)
        n = n + 1 if at_zero else n
        times = torch.linspace(start, end, n + 1)[:-1] if name == "sgm_uniform" else torch.linspace(start, end, n)
        return [float(table.sigma(t)) for t in times] + ([] if at_zero else [0.0])
    if name == "simple":
        return [float(table.sigmas[-(1 + int(x * count / n))]) for x in range(n)] + [0.0]
    if name == "ddim_uniform":
        sigs = [0.0] + [float(table.sigmas[x]) for x in range(1, count, max(count // n, 1))]
        return sigs[::-1]
    if name == "beta":
        times = np.rint(stats.beta.ppf(1 - np.linspace(0, 1, n, endpoint=False), 0.6, 0.6) * (count - 1))
        return [float(table.sigmas[int(t)]) for i, t in enumerate(times) if i == 0 or t != times[i - 1]] + [0.0]
    if name == "linear_quadratic":
        return [(1 - y) * high for y in linear_quadratic(n)]
    ramp = np.linspace(0, 1, n)
    sigs = {"karras": lambda: (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7,
            "exponential": lambda: np.exp(math.log(high) + ramp * (math.log(low) - math.log(high))),
            "kl_optimal": lambda: np.tan(ramp * math.atan(low) + (1 - ramp) * math.atan(high))}[name]()
    return [float(s) for s in sigs] + [0.0]


def linear_quadratic(n: int) -> list[float]:
    if n == 1:
        return [0.0, 1.0]
    threshold, linear = 0.025, n // 2
    quadratic = n - linear
    rest = linear - threshold * n
    a = rest / (linear * quadratic**2)
    b = threshold / linear - 2 * rest / quadratic**2
    return [i * threshold / linear for i in range(linear)] + [
        a * i**2 + b * i + a * linear**2 for i in range(linear, n)] + [1.0]


NAMES = ["simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic",
         "kl_optimal"]


def schedules(out: dict) -> None:
    tables = {"eps": Discrete(), "zero_snr": Discrete(True), "flow1": Flow(1.0), "flow3": Flow(3.0)}
    cases = []
    for table_name, table in tables.items():
        out[f"table.{table_name}"] = table.sigmas
        for name in NAMES:
            for n in [1, 2, 3, 4, 5, 7, 10, 20, 30]:
                cases.append([table_name, name, n, 1.0, False, [float(np.float32(s)) for s in schedule(table, name, n)]])
    for name, n, denoise, drop in [("karras", 20, 0.5, False), ("normal", 20, 0.3, False), ("simple", 7, 0.75, False),
                                   ("karras", 10, 1.0, True), ("normal", 12, 0.6, True), ("simple", 4, 0.9999, False),
                                   ("sgm_uniform", 4, 0.99995, False), ("beta", 9, 0.45, True)]:
        total = n if denoise > 0.9999 else int(n / denoise)
        sigs = schedule(tables["eps"], name, total + drop)
        sigs = sigs[:-2] + sigs[-1:] if drop else sigs
        sigs = sigs if denoise > 0.9999 else sigs[-(n + 1):]
        cases.append(["eps", name, n, denoise, drop, [float(np.float32(s)) for s in sigs]])
    points = [1e-6, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1 - 1e-9]
    quantiles = [[p, a, b, stats.beta.ppf(p, a, b)] for p in points for a, b in [(0.6, 0.6), (1, 3), (2.5, 0.8), (9, 4)]]
    indices = {n: [int(t) for t in np.rint(stats.beta.ppf(1 - np.linspace(0, 1, n, endpoint=False), 0.6, 0.6) * 999)]
               for n in [*range(1, 61), 100, 150]}
    write("schedules.json", {"cases": cases, "beta_quantile": quantiles, "beta_indices": indices})


# --- samplers --------------------------------------------------------------------------------------------------


def toy(x, sigma):
    """A nonlinear denoiser; tests/sampling/toy_denoiser.h has the same."""
    u = x / math.sqrt(1 + sigma * sigma)
    return 0.7 * np.tanh(u) + 0.2 * np.sin(0.5 * u + math.log1p(sigma))


def replay(recorded):
    draws = iter(recorded.double().numpy())
    return lambda sigma, sigma_next: next(draws)


def samplers(out: dict) -> None:
    eps = [float(np.float32(s)) for s in schedule(Discrete(), "karras", 12)]
    dropped = [float(np.float32(s)) for s in schedule(Discrete(), "karras", 13)]
    flow = [float(np.float32(s)) for s in schedule(Flow(3.0), "simple", 10)]
    tests = {"karras": eps, "dropped": dropped[:-2] + dropped[-1:], "open": eps[:-1], "two": [eps[0], eps[6], 0.0]}
    names = ["euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpmpp_2s_ancestral", "dpmpp_sde",
             "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "ddim", "lcm", "uni_pc", "uni_pc_bh2"]
    x = torch.randn(1, 4, 4, 4, generator=generator(7))
    recorded = torch.randn(40, 1, 4, 4, 4, generator=generator(8))
    out["samplers.unit"], out["samplers.noise"] = x, recorded
    cases = []

    def run(name, sigmas, flow_model=False, **options):
        start = (x * sigmas[0]).double().numpy()
        used = list(sigmas)
        if flow_model and name in ("dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"):
            used[0] = 3.0 * (1 - 1e-4) / (1 + 2.0 * (1 - 1e-4))
        path = getattr(reference, name)(toy, start, used, replay(recorded), flow=flow_model, **options)
        out[f"samplers.{len(cases)}"] = torch.from_numpy(np.stack(path)).float()
        cases.append({"sampler": name, "sigmas": list(sigmas), "flow": flow_model, "options": options})

    for name in names:
        for sigmas in tests.values():
            run(name, sigmas)
        run(name, flow, flow_model=True)
    for name in ["euler_ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"]:
        run(name, eps, eta=0.4, s_noise=1.03)
        run(name, eps, eta=0.0)
        run(name, flow, flow_model=True, eta=0.4, s_noise=0.97)
    for name in ["euler", "heun", "dpm_2"]:
        run(name, eps, s_churn=5.0, s_tmin=0.05, s_tmax=10.0, s_noise=1.01)
    write("samplers.json", cases)


# --- the restated samplers against diffusers ---------------------------------------------------------------------


def against_diffusers() -> None:
    """Where both compute the same thing, the paths agree; prints the largest relative difference."""
    common = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace")
    karras = dict(use_karras_sigmas=True, **common)
    ve = {"euler": diffusers.EulerDiscreteScheduler(**karras), "heun": diffusers.HeunDiscreteScheduler(**karras),
          "lms": diffusers.LMSDiscreteScheduler(**karras)}
    vp = {"dpmpp_2m": diffusers.DPMSolverMultistepScheduler(**karras),
          "uni_pc": diffusers.UniPCMultistepScheduler(solver_order=3, solver_type="bh1", **karras),
          "uni_pc_bh2": diffusers.UniPCMultistepScheduler(solver_order=3, solver_type="bh2", **karras)}
    for name, scheduler in {**ve, **vp}.items():
        scheduler.set_timesteps(12)
        sigmas = [float(s) for s in dict.fromkeys(scheduler.sigmas.double().tolist())]
        x = torch.randn(1, 4, 4, 4, generator=generator(7), dtype=torch.float64) * sigmas[0]
        path = getattr(reference, name)(toy, x.numpy(), sigmas, None)
        compare(name, scheduler, x, path, vp=name in vp)
    leading = {**common, "timestep_spacing": "leading"}
    ddim = diffusers.DDIMScheduler(clip_sample=False, set_alpha_to_one=True, **leading)
    ddim.set_timesteps(10)
    bars = ddim.alphas_cumprod.double()[ddim.timesteps]
    sigmas = [float(s) for s in ((1 - bars) / bars) ** 0.5] + [0.0]
    x = torch.randn(1, 4, 4, 4, generator=generator(7), dtype=torch.float64) * sigmas[0]
    compare("ddim", ddim, x, reference.ddim(toy, x.numpy(), sigmas, None), vp=True, sigmas=sigmas)


def compare(name, scheduler, x, path, vp, sigmas=None) -> None:
    alpha = lambda s: 1 / math.sqrt(1 + s * s) if vp else 1.0
    levels = sigmas or scheduler.sigmas.double().tolist()
    sample, worst = x * alpha(levels[0]), 0.0
    ends = path[1:]
    for i, t in enumerate(scheduler.timesteps):
        sigma = levels[i]
        out = torch.from_numpy((sample.numpy() / alpha(sigma) - toy(sample.numpy() / alpha(sigma), sigma)) / sigma)
        scheduler.scale_model_input(sample, t)
        sample = scheduler.step(out, t, sample).prev_sample
        two_calls = name == "heun"
        if two_calls and i % 2 == 0 and i + 1 < len(scheduler.timesteps):
            continue
        # The last step to 0: ours of UniPC goes to 0.001, and that of LMS takes D.
        if name in ("lms", "uni_pc", "uni_pc_bh2") and i + 1 == len(scheduler.timesteps):
            continue
        want = ends[i // 2 if two_calls else i]
        got = sample.numpy() / alpha(levels[i + 1])
        worst = max(worst, float(np.linalg.norm(got - want) / np.linalg.norm(want)))
    print(f"{name:12} against diffusers: {worst:.2e}")
    assert worst < 2e-5, name


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    noise()
    tensors: dict[str, torch.Tensor] = {}
    brownian(tensors)
    schedules(tensors)
    samplers(tensors)
    save_file({k: v.contiguous() for k, v in tensors.items()}, OUT / "sampling.safetensors")
    against_diffusers()
