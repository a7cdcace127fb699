#!/usr/bin/env python3
"""Goldens for the first family: a U-Net, a VAE and a CLIP text encoder of its exact structure, but narrow.

Writes tests/golden/models/: the weights as a diffusers folder (tiny/), a table of the original single-file names
(tiny/original_names.json), and what the official implementations compute from exactly these stored numbers in f32
(unet.safetensors, vae.safetensors, text_encoder.safetensors, pictures.safetensors).

Needs torch, diffusers, transformers and safetensors. Same script, same versions, same bytes.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils as official
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

OUT = pathlib.Path(__file__).parent / "models"
TINY = OUT / "tiny"
WIDTHS = (32, 64, 64, 64)
CONTEXT = 48
SCALE = 0.18215  # latent format: model space = VAE space × SCALE

UNET_CONFIG = dict(
    sample_size=16, in_channels=4, out_channels=4, center_input_sample=False, flip_sin_to_cos=True, freq_shift=0,
    down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    block_out_channels=WIDTHS, layers_per_block=2, downsample_padding=1, mid_block_scale_factor=1, act_fn="silu",
    norm_num_groups=32, norm_eps=1e-5, cross_attention_dim=CONTEXT, attention_head_dim=8)  # 8 *heads* everywhere
VAE_CONFIG = dict(
    in_channels=3, out_channels=3, down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4, block_out_channels=WIDTHS, layers_per_block=2, act_fn="silu",
    latent_channels=4, norm_num_groups=32, sample_size=64, scaling_factor=SCALE)
TEXT_CONFIG = dict(
    vocab_size=1000, hidden_size=CONTEXT, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
    max_position_embeddings=77, hidden_act="quick_gelu", layer_norm_eps=1e-5, bos_token_id=998, eos_token_id=999,
    pad_token_id=999, projection_dim=CONTEXT)


# ---------------------------------------------------------------------------------------------- weights


def randomize(module, seed):
    """Weights ~ U with variance 1/fan_in, so that activations stay O(1); biases and norms are never trivial."""
    g = torch.Generator().manual_seed(seed)
    for name, p in sorted(module.named_parameters()):
        noise = torch.rand(p.shape, generator=g) * 2 - 1
        if "norm" in name and p.ndim == 1:
            p.data = (1 + 0.3 * noise) if name.endswith("weight") else 0.3 * noise
        elif "embedding.weight" in name:  # the text encoder's tables
            p.data = noise
        elif p.ndim == 1:
            p.data = 0.1 * noise
        else:
            p.data = noise * math.sqrt(3 / p[0].numel())


def round_to_f16(module):
    for p in module.parameters():
        p.data = p.data.half().float()


def smooth_image(g, n, channels, h, w):
    """Random blobs of unit scale: something like a picture."""
    low = torch.randn(n, channels, max(h // 8, 2), max(w // 8, 2), generator=g)
    return F.interpolate(low, size=(h, w), mode="bicubic", align_corners=False)


@torch.no_grad()
def teach_unet_to_denoise(unet, sigmas, seed):
    """Solves the last convolution by least squares so that the network predicts ε from x0 + σε. With random weights
    alone a sampler would run away, and its picture would prove little."""
    g = torch.Generator().manual_seed(seed)
    features, targets = [], []
    keep = {}
    handle = unet.conv_out.register_forward_pre_hook(lambda _, args: keep.update(x=args[0]))
    for t in range(0, 1000, 37):
        sigma = sigmas[t]
        eps = torch.randn(2, 4, 16, 16, generator=g)
        x = (smooth_image(g, 2, 4, 16, 16) + sigma * eps) / math.sqrt(1 + sigma**2)
        context = torch.randn(2, 77, CONTEXT, generator=g)
        unet(x, t, context)
        columns = F.unfold(keep["x"], 3, padding=1).transpose(1, 2).reshape(-1, WIDTHS[0] * 9)
        features.append(torch.cat([columns, torch.ones(len(columns), 1)], 1))
        targets.append(eps.permute(0, 2, 3, 1).reshape(-1, 4))
    handle.remove()
    a, b = torch.cat(features).double(), torch.cat(targets).double()
    ridge = 1e-3 * len(a) * torch.eye(a.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(a.T @ a + ridge, a.T @ b)
    print(f"  ε is explained to {1 - ((a @ solution - b).var() / b.var()).item():.3f}")
    unet.conv_out.weight.data = solution[:-1].T.reshape(4, WIDTHS[0], 3, 3).float()
    unet.conv_out.bias.data = solution[-1].float()


@torch.no_grad()
def scale_vae(vae, seed):
    """Latents of a plausible size (σ ≈ 1/SCALE), pictures that mostly lie in [-1, 1]."""
    g = torch.Generator().manual_seed(seed)
    image = smooth_image(g, 4, 3, 64, 64).clamp(-1, 1)
    mean = vae.encode(image).latent_dist.mean
    vae.quant_conv.weight.data *= 1 / (SCALE * mean.std())
    vae.quant_conv.bias.data *= 1 / (SCALE * mean.std())
    decoded = vae.decode(torch.randn(4, 4, 8, 8, generator=g) / SCALE).sample
    vae.decoder.conv_out.weight.data *= 0.4 / decoded.std()
    vae.decoder.conv_out.bias.data *= 0.4 / decoded.std()


# ---------------------------------------------------------------------------------------------- names


def original_unet_name(name):
    """diffusers → original (ldm) name of a U-Net parameter, without prefix."""
    head = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
            "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2"}
    for new, old in head.items():
        if name.startswith(new + "."):
            return old + name[len(new):]
    parts = name.split(".")
    if parts[0] == "mid_block":
        block = "middle_block." + ("1" if parts[1] == "attentions" else str(2 * int(parts[2])))
        rest = parts[3:]
    else:
        level, kind, i = int(parts[1]), parts[2], int(parts[3])
        rest = parts[4:]
        down = parts[0] == "down_blocks"
        at = 3 * level + (1 + i if down else i)
        if kind == "downsamplers":
            return f"input_blocks.{3 * level + 3}.0.op." + rest[1]
        if kind == "upsamplers":
            return f"output_blocks.{3 * level + 2}.{1 if level == 0 else 2}.conv." + rest[1]
        block = f"{'input' if down else 'output'}_blocks.{at}.{1 if kind == 'attentions' else 0}"
    inner = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
             "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
    if "attentions" not in parts:
        rest = [inner.get(rest[0], rest[0])] + rest[1:]
    return block + "." + ".".join(rest)


VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
VAE_ATTENTION_OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def original_vae_name(name):
    """diffusers → original name of a VAE parameter, without prefix."""
    parts = name.split(".")
    if parts[0] not in ("encoder", "decoder"):
        return name
    side, rest = parts[0], parts[1:]
    if rest[0] == "conv_norm_out":
        return ".".join([side, "norm_out"] + rest[1:])
    if rest[0] == "mid_block":
        if rest[1] == "resnets":
            tail = ".".join(rest[3:])
            return f"{side}.mid.block_{int(rest[2]) + 1}.{tail}"
        tail = ".".join(rest[3:])
        for new, old in VAE_ATTENTION.items():
            if tail.startswith(new + "."):
                return f"{side}.mid.attn_1.{old}{tail[len(new):]}"
    if rest[0] in ("down_blocks", "up_blocks"):
        level = int(rest[1]) if rest[0] == "down_blocks" else 3 - int(rest[1])
        way = "down" if rest[0] == "down_blocks" else "up"
        if rest[2] == "resnets":
            tail = ".".join(rest[4:]).replace("conv_shortcut", "nin_shortcut")
            return f"{side}.{way}.{level}.block.{rest[3]}.{tail}"
        return f"{side}.{way}.{level}.{way}sample." + ".".join(rest[4:])
    return name


def original_table(unet, vae, text):
    """Original single-file name → where its numbers lie, and the shape it has there."""
    table = {}
    for component, prefix, state, rule in (
            ("unet", "model.diffusion_model.", unet, original_unet_name),
            ("vae", "first_stage_model.", vae, original_vae_name),
            ("text_encoder", "cond_stage_model.transformer.", text, lambda n: n)):
        for name, tensor in state.items():
            shape = list(tensor.shape)
            original = prefix + rule(name)
            if component == "vae" and ".attn_1." in original and len(shape) == 2:
                shape += [1, 1]  # 1×1 convolutions there, linear layers here
            assert original not in table, original
            table[original] = dict(component=component, name=name, shape=shape)
    return dict(sorted(table.items()))


def check_with_official_conversion(table, states):
    """The official conversion of our original names must give back every tensor, bit for bit."""
    single = {k: states[v["component"]][v["name"]].reshape(v["shape"]) for k, v in table.items()}
    unet_config = dict(UNET_CONFIG)
    back = {"unet": official.convert_ldm_unet_checkpoint(single, unet_config),
            "vae": official.convert_ldm_vae_checkpoint(single, VAE_CONFIG)}
    prefix = "cond_stage_model.transformer."
    back["text_encoder"] = {k[len(prefix):]: v for k, v in single.items() if k.startswith(prefix)}
    for component, state in states.items():
        assert set(back[component]) == set(state), set(back[component]) ^ set(state)
        for name, tensor in state.items():
            assert torch.equal(back[component][name], tensor), name


def old_vae_aliases(vae):
    """How older diffusers folders call the VAE's attention."""
    out = {}
    for name in vae:
        for new, old in VAE_ATTENTION_OLD.items():
            if f".attentions.0.{new}." in name:
                out[name] = name.replace(new, old)
    return out


def write_folder(unet, vae, text):
    def halves(state):
        return {k: v.half().contiguous() for k, v in state.items()}

    def dump(path, value):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1) + "\n")

    dump(TINY / "unet/config.json", {"_class_name": "UNet2DConditionModel", **UNET_CONFIG})
    dump(TINY / "vae/config.json", {"_class_name": "AutoencoderKL", **VAE_CONFIG})
    dump(TINY / "text_encoder/config.json",
         {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", **TEXT_CONFIG})
    dump(TINY / "scheduler/scheduler_config.json", {
        "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": False, "skip_prk_steps": True,
        "steps_offset": 1, "clip_sample": False, "timestep_spacing": "leading"})
    dump(TINY / "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.0", "feature_extractor": [None, None],
        "safety_checker": [None, None], "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]})
    save_file(halves(unet), TINY / "unet/diffusion_pytorch_model.safetensors", {"format": "pt"})
    save_file(halves(vae), TINY / "vae/diffusion_pytorch_model.safetensors", {"format": "pt"})
    save_file(halves(text), TINY / "text_encoder/model.safetensors", {"format": "pt"})


# ---------------------------------------------------------------------------------------------- single passes


def nhwc(x):
    return x.permute(0, 2, 3, 1).contiguous()


@torch.no_grad()
def unet_goldens(unet, inpaint):
    """Keys: <case>.{x,t,context,out}; the case "plain" also has the output of every block."""
    g = torch.Generator().manual_seed(11)
    out = {}
    hooks = {"conv_in": unet.conv_in, "time": unet.time_embedding, "mid": unet.mid_block, "conv_norm_out": unet.conv_norm_out}
    hooks |= {f"down{i}": b for i, b in enumerate(unet.down_blocks)} | {f"up{i}": b for i, b in enumerate(unet.up_blocks)}
    cases = {  # name: (network, latent h, w, timestep, tokens, record the blocks)
        "plain": (unet, 16, 16, 981, 77, True), "late": (unet, 16, 16, 21, 154, False),
        "wide": (unet, 24, 40, 500, 77, False),
        "ragged": (unet, 13, 9, 301, 77, False),  # not a multiple of 8: upsampling goes to the size of the skip
        "fraction": (unet, 8, 8, 493.25, 77, False),
        "inpaint": (inpaint, 16, 16, 741, 77, False), "inpaint_wide": (inpaint, 24, 40, 61, 154, False)}
    for case, (net, h, w, t, tokens, blocks) in cases.items():
        x = torch.randn(2, net.config.in_channels, h, w, generator=g)
        context = torch.randn(2, tokens, CONTEXT, generator=g)
        seen, handles = {}, []
        for name, module in (hooks.items() if blocks else ()):
            def record(_, __, y, name=name):
                seen[name] = (y[0] if isinstance(y, tuple) else y).clone()
            handles.append(module.register_forward_hook(record))
        y = net(x, torch.tensor(t, dtype=torch.float32), context).sample
        for handle in handles:
            handle.remove()
        out |= {f"{case}.x": x, f"{case}.t": torch.tensor([t], dtype=torch.float64), f"{case}.context": context,
                f"{case}.out": y}
        out |= {f"{case}.block.{k}": v for k, v in seen.items()}
    return out


@torch.no_grad()
def vae_goldens(vae):
    """Images [N, H, W, 3], latents [N, 4, h, w] in the VAE's own scale."""
    g = torch.Generator().manual_seed(12)
    out = {}
    for case, (n, h, w) in {"square": (2, 64, 64), "tall": (1, 72, 40)}.items():
        image = smooth_image(g, n, 3, h, w).clamp(-1, 1)
        latent = torch.randn(n, 4, h // 8, w // 8, generator=g) / SCALE
        out |= {f"{case}.image": nhwc(image), f"{case}.mean": vae.encode(image).latent_dist.mean,
                f"{case}.latent": latent, f"{case}.decoded": nhwc(vae.decode(latent).sample)}
    return out


def prompt_ids(g, length):
    """BOS, `length` words, EOS, EOS as padding: as the tokenizer lays a window out."""
    ids = torch.full((77,), 999)
    ids[0] = 998
    ids[1:1 + length] = torch.randint(0, 998, (length,), generator=g)
    return ids


@torch.no_grad()
def text_goldens(text):
    """hidden.<i> is the input of layer i (0: embeddings; 4: after the last, before the final norm)."""
    g = torch.Generator().manual_seed(13)
    ids = torch.stack([prompt_ids(g, n) for n in (0, 5, 75)])
    y = text(input_ids=ids, output_hidden_states=True)
    out = {"ids": ids, "last": y.last_hidden_state, "pooled": y.pooler_output}
    out |= {f"hidden.{i}": h for i, h in enumerate(y.hidden_states)}
    final = dict(text.named_modules())
    norm = next(m for n, m in final.items() if n.endswith("final_layer_norm"))
    out["skip2"] = norm(y.hidden_states[-2])  # clip skip 2: one layer less, then the final norm
    assert torch.allclose(norm(y.hidden_states[-1]), y.last_hidden_state, atol=1e-6)
    return out


# ---------------------------------------------------------------------------------------------- whole pictures


class Schedule:
    """The discrete noise levels as ComfyUI keeps them: computed in f64, kept in f32."""

    def __init__(self):
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64)**2
        alphas = torch.cumprod(1 - betas, 0)
        sigmas = ((1 - alphas) / alphas)**0.5
        self.sigmas, self.log_sigmas = sigmas.float(), sigmas.log().float()

    def timestep(self, sigma):
        return int((sigma.log() - self.log_sigmas).abs().argmin())

    def sigma(self, t):
        low, high, w = int(math.floor(t)), int(math.ceil(t)), t - math.floor(t)
        return ((1 - w) * self.log_sigmas[low] + w * self.log_sigmas[high]).exp()

    def normal(self, n):
        ts = torch.linspace(999, 0, n)
        return torch.stack([self.sigma(float(t)) for t in ts] + [torch.tensor(0.0)])

    def karras(self, n):
        low, high = float(self.sigmas[0])**(1 / 7), float(self.sigmas[-1])**(1 / 7)
        return torch.cat([(high + torch.linspace(0, 1, n) * (low - high))**7, torch.zeros(1)])

    def ddim_uniform(self, n):
        return torch.cat([self.sigmas[1::max(1000 // n, 1)].flip(0), torch.zeros(1)])


def euler(denoise, x, sigmas, note):
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, sigmas[i])
        x = x + (x - denoised) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
        note(x)
    return x


def dpmpp_2m(denoise, x, sigmas, note):
    """DPM-Solver++(2M), Lu et al. 2022, in λ = -ln σ."""
    old, h_last = None, None
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, sigmas[i])
        if sigmas[i + 1] == 0:
            x = denoised
        else:
            h = sigmas[i].log() - sigmas[i + 1].log()
            d = denoised
            if old is not None:
                r = h_last / h
                d = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * old
            x = sigmas[i + 1] / sigmas[i] * x - torch.expm1(-h) * d
            old, h_last = denoised, h
        note(x)
    return x


class Painter:
    """One picture: guidance over ε predictions, as ComfyUI orders the arithmetic."""

    def __init__(self, schedule, vae, context, uncond, cfg):
        self.schedule, self.vae, self.cfg = schedule, vae, cfg
        self.context = torch.cat([context, uncond])

    def denoiser(self, unet, concat=None):
        def denoise(x, sigma):
            c_in = 1 / (sigma**2 + 1).sqrt()
            inputs = torch.cat([x * c_in] * 2)
            if concat is not None:
                inputs = torch.cat([inputs, torch.cat([concat] * 2)], 1)
            eps = unet(inputs, self.schedule.timestep(sigma), self.context).sample
            cond, uncond = (x - eps[:1] * sigma), (x - eps[1:] * sigma)
            return uncond + (cond - uncond) * self.cfg
        return denoise

    def masked(self, denoise, mask, noise, latent):
        """Latent noise mask: outside the mask the noised original goes in and the original comes out."""
        def inner(x, sigma):
            x = x * mask + (latent + noise * sigma) * (1 - mask)
            return denoise(x, sigma) * mask + latent * (1 - mask)
        return inner

    def start(self, noise, latent, sigma):
        at_max = math.isclose(float(self.schedule.sigmas[-1]), float(sigma), rel_tol=1e-5) or sigma > self.schedule.sigmas[-1]
        return noise * ((1 + sigma**2).sqrt() if at_max else sigma) + latent

    def paint(self, denoise, sampler, sigmas, noise, latent):
        steps = []
        x = sampler(denoise, self.start(noise, latent, sigmas[0]), sigmas, lambda x: steps.append(x.clone()))
        image = self.vae.decode(x / SCALE).sample
        return {"sigmas": sigmas, "steps": torch.cat(steps), "image": nhwc(image)}


@torch.no_grad()
def picture_goldens(unet, inpaint, vae, text):
    """<case>.{sigmas, steps [10, 4, h, w] latents after each step, image [1, H, W, 3] in [-1, 1], not clamped}."""
    g = torch.Generator().manual_seed(14)
    ids = torch.stack([prompt_ids(g, 9), prompt_ids(g, 0)])
    context, uncond = text(input_ids=ids).last_hidden_state.split(1)
    h, w = 16, 8
    noise = torch.randn(1, 4, h, w, generator=torch.Generator().manual_seed(42))
    init = (0.5 + 0.3 * smooth_image(g, 1, 3, 8 * h, 8 * w)).clamp(0, 1)
    mask = torch.zeros(1, 1, 8 * h, 8 * w)
    mask[:, :, 37:101, 11:50] = 1
    mask = F.avg_pool2d(mask, 9, 1, 4)  # soft edges
    schedule = Schedule()
    p = Painter(schedule, vae, context, uncond, 7.0)
    encode = lambda image: vae.encode(image * 2 - 1).latent_dist.mean * SCALE
    zero = torch.zeros_like(noise)
    out = {"ids": ids, "context": context, "uncond": uncond, "noise": noise, "init": nhwc(init),
           "mask": mask[:, 0].contiguous()}

    def add(case, result):
        out.update({f"{case}.{k}": v for k, v in result.items()})

    plain = p.denoiser(unet)
    add("euler_normal", p.paint(plain, euler, schedule.normal(10), noise, zero))
    add("dpmpp_2m_karras", p.paint(plain, dpmpp_2m, schedule.karras(10), noise, zero))
    add("ddim_uniform", p.paint(plain, euler, schedule.ddim_uniform(10), noise, zero))  # "ddim" steps as Euler in σ
    late = schedule.normal(int(10 / 0.6))[-11:]  # denoise 0.6: the last ten steps of sixteen
    latent = encode(init)
    add("img2img", p.paint(plain, euler, late, noise, latent) | {"latent": latent})
    small = F.interpolate(mask, size=(h, w), mode="bilinear")
    add("noise_mask", p.paint(p.masked(plain, small, noise, latent), euler, schedule.normal(10), noise, latent) |
        {"mask": small})
    hard = mask.round()
    grey = encode((init - 0.5) * (1 - hard) + 0.5)  # what is to be repainted is hidden behind grey
    concat = torch.cat([small.round(), grey], 1)
    add("inpaint", p.paint(p.masked(p.denoiser(inpaint, concat), small, noise, latent), euler, schedule.normal(10),
                           noise, latent) | {"concat": concat})
    return out


def classic(text_state):
    """Text encoder names as files have them: newer transformers drop the "text_model." in memory."""
    return {n if n.startswith("text_model.") else "text_model." + n: t for n, t in text_state.items()
            if not n.endswith("position_ids")}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    unet, vae = UNet2DConditionModel(**UNET_CONFIG).eval(), AutoencoderKL(**VAE_CONFIG).eval()
    text = CLIPTextModel(CLIPTextConfig(**TEXT_CONFIG)).eval()
    randomize(unet, 1), randomize(vae, 2), randomize(text, 3)
    teach_unet_to_denoise(unet, Schedule().sigmas.tolist(), 4)
    scale_vae(vae, 5)
    inpaint = UNet2DConditionModel(**{**UNET_CONFIG, "in_channels": 9}).eval()
    first = torch.cat([unet.conv_in.weight.data,
                       0.05 * torch.randn(WIDTHS[0], 5, 3, 3, generator=torch.Generator().manual_seed(6))], 1)
    inpaint.load_state_dict({**unet.state_dict(), "conv_in.weight": first})
    for module in (unet, vae, text, inpaint):
        round_to_f16(module)

    states = {"unet": unet.state_dict(), "vae": vae.state_dict(), "text_encoder": classic(text.state_dict())}
    table = original_table(states["unet"], states["vae"], states["text_encoder"])
    check_with_official_conversion(table, states)
    write_folder(*states.values())
    (TINY / "original_names.json").write_text(json.dumps(
        {"tensors": table, "old_vae_names": old_vae_aliases(states["vae"])}, separators=(",", ":")).replace("},", "},\n") + "\n")
    # The 9-channel network shares every other tensor with the plain one.
    save_file({"conv_in.weight": first.half()}, OUT / "tiny_inpaint_conv_in.safetensors")
    stored = load_file(TINY / "unet/diffusion_pytorch_model.safetensors")
    assert all(torch.equal(stored[k].float(), v) for k, v in unet.state_dict().items())

    for name, tensors in (("unet", unet_goldens(unet, inpaint)), ("vae", vae_goldens(vae)),
                          ("text_encoder", text_goldens(text)), ("pictures", picture_goldens(unet, inpaint, vae, text))):
        save_file({k: v.contiguous() for k, v in tensors.items()}, OUT / f"{name}.safetensors")
        for k, v in tensors.items():
            v = v.float()
            assert torch.isfinite(v).all(), (name, k)
            print(f"{name:13} {k:26} {str(list(v.shape)):20} std {v.std().item() if v.numel() > 1 else 0:.3f} max {v.abs().max():.3f}")


if __name__ == "__main__":
    main()
