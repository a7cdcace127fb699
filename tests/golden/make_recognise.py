#!/usr/bin/env python3
"""Tables of tensor names and shapes of real-size models, to test recognition. No numbers: models are built on torch's
meta device from their published configurations, in diffusers' names; original names follow by rule.

Writes tests/golden/recognise/kinds.txt:

    @ <kind> <ecosystem> <role> <parameters> <variant words…>      one kind of file
    <dtype> <shape, by commas, or "-"> <name>                      its tensors

A name may hold ranges, "{0-11}" or "{1,3}": every combination is a tensor. <parameters> is the sum over the parameters
of the models that the file is made of, or "-" for files whose total says nothing.
"""
import pathlib
import re

import diffusers as D
import torch
import transformers as T

OUT = pathlib.Path(__file__).parent / "recognise"
NUMBER = r"(?<![A-Za-z\d])\d+"  # not the 2 of "conv2"


# ------------------------------------------------------------------------------------------ compression


def runs(values):
    """[0, 1, 2, 5] → "{0-2,5}"; one value stays as it is."""
    if len(values) == 1:
        return str(values[0])
    out, start = [], values[0]
    for a, b in zip(values, values[1:] + [None]):
        if b != a + 1:
            out.append(str(start) if start == a else f"{start}-{a}")
            start = b
    return "{" + ",".join(out) + "}"


def ranges(tuples):
    """A set of equally long number tuples as few products of ranges as is easy."""
    if not tuples or not tuples[0]:
        return [()]
    by_first = {}
    for t in tuples:
        by_first.setdefault(t[0], []).append(t[1:])
    same = {}
    for first, rest in sorted(by_first.items()):
        same.setdefault(tuple(sorted(rest)), []).append(first)
    return [(runs(firsts),) + more for rest, firsts in same.items() for more in ranges(list(rest))]


def compress(table):
    groups = {}
    for name, (dtype, shape) in table.items():
        numbers = tuple(int(n) for n in re.findall(NUMBER, name))
        groups.setdefault((re.sub(NUMBER, "#", name), dtype, shape), []).append(numbers)
    lines = []
    for (template, dtype, shape), tuples in groups.items():
        for values in ranges(sorted(tuples)):
            it = iter(values)
            lines.append((dtype, ",".join(map(str, shape)) or "-", re.sub("#", lambda _: next(it), template)))
    return [" ".join(line) for line in sorted(lines, key=lambda l: l[2])]


# ------------------------------------------------------------------------------------------ building


def meta(make, dtype="F16"):
    with torch.device("meta"):
        model = make()
    # Stored positions and statistics count too; integers do not.
    parameters = sum(v.numel() for v in model.state_dict().values() if v.is_floating_point())
    return {k: (dtype, tuple(v.shape)) for k, v in model.state_dict().items()}, parameters


def prefixed(prefix, table):
    return {prefix + k: v for k, v in table.items()}


def renamed(table, rename):
    return {rename(k): v for k, v in table.items()}


def replaced(table, pairs):
    def rename(name):
        for old, new in pairs:
            name = re.sub(old, new, name)
        return name
    return renamed(table, rename)


def unet(depths, channels=(320, 640, 1280, 1280), heads=8, inputs=4, layers=2, mid=True, up=None, **more):
    """depths: transformer blocks a level, 0 for none."""
    down = tuple("CrossAttnDownBlock2D" if d else "DownBlock2D" for d in depths)
    ups = tuple("CrossAttnUpBlock2D" if d else "UpBlock2D" for d in reversed(depths))
    args = dict(in_channels=inputs, out_channels=4, down_block_types=down, up_block_types=ups,
                block_out_channels=channels[:len(depths)], layers_per_block=layers, attention_head_dim=heads,
                transformer_layers_per_block=[max(d, 1) for d in depths], **more)
    if not mid:
        args["mid_block_type"] = None
    if up:
        args["reverse_transformer_layers_per_block"] = up
    return meta(lambda: D.UNet2DConditionModel(**args))


def sdxl_unet(depths=(0, 2, 10), inputs=4, vector=2816, **more):
    return unet(depths, inputs=inputs, heads=(5, 10, 20), cross_attention_dim=2048, use_linear_projection=True,
                addition_embed_type="text_time", addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=vector, **more)


def original_unet(table, layers=2):
    """diffusers → original names of a U-Net."""
    head = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
            "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
            "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
            "class_embedding.linear_1": "label_emb.0.0", "class_embedding.linear_2": "label_emb.0.2"}
    inner = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
             "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}

    def rename(name):
        for new, old in head.items():
            if name.startswith(new + "."):
                return old + name[len(new):]
        p = name.split(".")
        if p[0] == "mid_block":
            block, rest = "middle_block." + ("1" if p[1] == "attentions" else str(2 * int(p[2]))), p[3:]
        else:
            level, kind, i, rest = int(p[1]), p[2], int(p[3]), p[4:]
            down = p[0] == "down_blocks"
            if kind == "downsamplers":
                return f"input_blocks.{(layers + 1) * (level + 1)}.0.op." + rest[1]
            if kind == "upsamplers":
                attention = f"up_blocks.{level}.attentions.0.norm.weight" in table
                return f"output_blocks.{(layers + 1) * level + layers}.{2 if attention else 1}.conv." + rest[1]
            at = (layers + 1) * level + (1 + i if down else i)
            block = f"{'input' if down else 'output'}_blocks.{at}.{1 if kind == 'attentions' else 0}"
        if "attentions" not in p:
            rest = [inner.get(rest[0], rest[0])] + rest[1:]
        return block + "." + ".".join(rest)

    return renamed(table, rename)


def original_vae(table):
    out = {}
    for name, (dtype, shape) in table.items():
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        attention = "mid_block.attentions.0" in name
        name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
        name = re.sub(r"to_(q|k|v)\.", r"\1.", name).replace("to_out.0", "proj_out")
        name = re.sub(r"encoder\.down_blocks\.(\d)\.resnets", r"encoder.down.\1.block", name)
        name = re.sub(r"decoder\.up_blocks\.(\d)\.resnets", lambda m: f"decoder.up.{3 - int(m[1])}.block", name)
        name = re.sub(r"encoder\.down_blocks\.(\d)\.downsamplers\.0", r"encoder.down.\1.downsample", name)
        name = re.sub(r"decoder\.up_blocks\.(\d)\.upsamplers\.0", lambda m: f"decoder.up.{3 - int(m[1])}.upsample", name)
        name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        if attention and len(shape) == 2:
            shape = shape + (1, 1)
        out[name] = (dtype, shape)
    return out


def kl_vae(channels=4, quant=True):
    return meta(lambda: D.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=channels, use_quant_conv=quant,
        use_post_quant_conv=quant))


def clip_text(width=768, layers=12, project=False):
    config = T.CLIPTextConfig(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
                              num_attention_heads=width // 64, projection_dim=width)
    table, parameters = meta(lambda: (T.CLIPTextModelWithProjection if project else T.CLIPTextModel)(config))
    named = {(k if k.startswith("text_") else "text_model." + k): v for k, v in table.items() if "position_ids" not in k}
    return named, parameters


def open_clip(width, layers, project=True):
    d, t = width, {}
    t["token_embedding.weight"], t["positional_embedding"] = (49408, d), (77, d)
    for i in range(layers):
        b = f"transformer.resblocks.{i}."
        for n, s in {"ln_1.weight": (d,), "ln_1.bias": (d,), "ln_2.weight": (d,), "ln_2.bias": (d,),
                     "attn.in_proj_weight": (3 * d, d), "attn.in_proj_bias": (3 * d,), "attn.out_proj.weight": (d, d),
                     "attn.out_proj.bias": (d,), "mlp.c_fc.weight": (4 * d, d), "mlp.c_fc.bias": (4 * d,),
                     "mlp.c_proj.weight": (d, 4 * d), "mlp.c_proj.bias": (d,)}.items():
            t[b + n] = s
    t["ln_final.weight"] = t["ln_final.bias"] = (d,)
    if project:
        t["text_projection"] = (d, d)
    parameters = sum(torch.Size(s).numel() for s in t.values())
    t["logit_scale"] = ()
    return {k: ("F16", s) for k, s in t.items()}, parameters


def merge(*tables):
    out = {}
    for table in tables:
        out.update(table)
    return out


# ------------------------------------------------------------------------------------------ kinds


class Kinds:
    def __init__(self):
        self.text = []

    def add(self, kind, ecosystem, role, table, parameters=None, variant=""):
        print(f"{kind}: {len(table)} tensors, {parameters}")
        self.text.append(f"@ {kind} {ecosystem} {role} {parameters or '-'} {variant}".rstrip())
        self.text += compress(table)

    def save(self):
        OUT.mkdir(exist_ok=True)
        (OUT / "kinds.txt").write_text("\n".join(self.text) + "\n")


def junk():
    t = {k: ("F32", (1000,)) for k in ("alphas_cumprod", "alphas_cumprod_prev", "betas", "sqrt_alphas_cumprod",
                                       "log_one_minus_alphas_cumprod", "posterior_variance")}
    t["cond_stage_model.transformer.text_model.embeddings.position_ids"] = ("I64", (1, 77))
    return t


def unets(k):
    sd1 = (1, 1, 1, 0)
    vae, vae_n = kl_vae()
    clip, clip_n = clip_text()
    t, n = unet(sd1, cross_attention_dim=768)
    assert n == 859_520_964
    o = original_unet(t)
    k.add("sd1-unet-diffusers", "sd1", "denoiser", t, n)
    k.add("sd1-unet-original", "sd1", "denoiser", o, n)
    checkpoint = merge(prefixed("model.diffusion_model.", o), prefixed("first_stage_model.", original_vae(vae)),
                       prefixed("cond_stage_model.transformer.", clip), junk())
    k.add("sd1-checkpoint", "sd1", "checkpoint", checkpoint, n + vae_n + clip_n)
    ema = {"model_ema." + name.replace(".", ""): v for name, v in o.items()}
    k.add("sd1-checkpoint-ema", "sd1", "checkpoint", merge(checkpoint, ema), n + vae_n + clip_n)
    old = renamed(checkpoint, lambda s: s.replace("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."))
    k.add("sd1-checkpoint-old-text", "sd1", "checkpoint", old, n + vae_n + clip_n)
    k.add("sd1-folder", "sd1", "checkpoint",
          merge(prefixed("unet.", t), prefixed("vae.", vae), prefixed("text_encoder.", clip)), n + vae_n + clip_n)
    ti, ni = unet(sd1, cross_attention_dim=768, inputs=9)
    k.add("sd1-inpainting", "sd1", "denoiser", original_unet(ti), ni, "inpainting")
    ti, ni = unet(sd1, cross_attention_dim=768, inputs=8)
    k.add("sd1-pix2pix", "sd1", "denoiser", ti, ni, "instruct-pix2pix")
    k.add("sd1-lcm", "sd1", "denoiser", *unet(sd1, cross_attention_dim=768, time_cond_proj_dim=256),
          "LCM (guidance embedded)")
    k.add("sd1-small", "sd1", "denoiser", *unet(sd1, cross_attention_dim=768, layers=1, mid=False),
          "small (one residual block a level)")

    sd2 = dict(cross_attention_dim=1024, use_linear_projection=True, heads=(5, 10, 20, 20))
    t, n = unet(sd1, **sd2)
    assert n == 865_910_724
    h, h_n = open_clip(1024, 24)
    k.add("sd2-unet-diffusers", "sd2", "denoiser", t, n)
    k.add("sd2-checkpoint", "sd2", "checkpoint",
          merge(prefixed("model.diffusion_model.", original_unet(t)), prefixed("first_stage_model.", original_vae(vae)),
                prefixed("cond_stage_model.model.", h)), n + vae_n + h_n)
    ti, ni = unet(sd1, inputs=9, **sd2)
    k.add("sd2-inpainting", "sd2", "denoiser", original_unet(ti), ni, "inpainting")
    k.add("sd2-depth", "sd2", "denoiser", *unet(sd1, inputs=5, **sd2), "depth")
    t, n = unet(sd1, class_embed_type="projection", projection_class_embeddings_input_dim=2048, **sd2)
    assert n == 870_173_124
    k.add("sd2-unclip", "sd2", "denoiser", t, n, "unCLIP (ViT-H)")

    t, n = sdxl_unet()
    assert n == 2_567_463_684
    o = original_unet(t)
    g, g_n = open_clip(1280, 32)
    k.add("sdxl-unet-diffusers", "sdxl", "denoiser", t, n)
    checkpoint = merge(prefixed("model.diffusion_model.", o), prefixed("first_stage_model.", original_vae(vae)),
                       prefixed("conditioner.embedders.0.transformer.", clip), prefixed("conditioner.embedders.1.model.", g))
    k.add("sdxl-checkpoint", "sdxl", "checkpoint", checkpoint, n + vae_n + clip_n + g_n)
    k.add("sdxl-v-prediction", "sdxl", "checkpoint", merge(checkpoint, {"v_pred": ("F32", (0,)), "ztsnr": ("F32", (0,))}),
          n + vae_n + clip_n + g_n, "zero terminal SNR")
    k.add("sdxl-playground", "sdxl", "denoiser",
          merge(prefixed("model.diffusion_model.", o), {"edm_mean": ("F32", (1, 4, 1, 1)), "edm_std": ("F32", (1, 4, 1, 1))}),
          n, "Playground 2.5")
    k.add("sdxl-cosxl", "sdxl", "denoiser", merge(prefixed("model.diffusion_model.", o), {"edm_vpred.sigma_max": ("F32", ())}),
          n, "CosXL")
    ti, ni = sdxl_unet(inputs=9)
    k.add("sdxl-inpainting", "sdxl", "denoiser", original_unet(ti), ni, "inpainting")
    t, n = unet((0, 4, 4, 0), channels=(384, 768, 1536, 1536), heads=(6, 12, 24, 24), cross_attention_dim=1280,
                use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=2560)
    k.add("sdxl-refiner", "sdxl", "checkpoint",
          merge(prefixed("model.diffusion_model.", original_unet(t)), prefixed("first_stage_model.", original_vae(vae)),
                prefixed("conditioner.embedders.0.model.", g)), n + vae_n + g_n, "refiner")
    k.add("sdxl-ssd-1b", "sdxl", "denoiser",
          *sdxl_unet((0, 2, 4), mid=False, up=[[4, 4, 10], [2, 1, 1], 1]), "SSD-1B")
    k.add("sdxl-vega", "sdxl", "denoiser", *sdxl_unet((0, 1, 2), mid=False, up=[[2, 2, 2], [1, 1, 1], 1]), "Segmind Vega")
    t, n = sdxl_unet((0, 2, 5), layers=1, mid=False)
    k.add("sdxl-koala", "sdxl", "denoiser", original_unet(t, 1), n, "KOALA-700M")
    k.add("kolors", "kolors", "denoiser", *sdxl_unet(vector=5632))
    k.add("svd", "svd", "denoiser", *meta(D.UNetSpatioTemporalConditionModel))


def bfl(table, h, flux2=False):
    """diffusers → Black Forest Labs' names and fused matrices (FLUX.1, FLUX.2)."""
    out, names = {}, {
        "x_embedder": "img_in", "context_embedder": "txt_in", "proj_out": "final_layer.linear",
        "norm_out.linear": "final_layer.adaLN_modulation.1",
        "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
        "time_text_embed.text_embedder.linear_2": "vector_in.out_layer",
        "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
        "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
        "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "time_guidance_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
        "time_guidance_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
        "double_stream_modulation_img.linear": "double_stream_modulation_img.lin",
        "double_stream_modulation_txt.linear": "double_stream_modulation_txt.lin",
        "single_stream_modulation.linear": "single_stream_modulation.lin"}
    block = {"norm1.linear": "img_mod.lin", "norm1_context.linear": "txt_mod.lin", "attn.to_out.0": "img_attn.proj",
             "attn.to_add_out": "txt_attn.proj", "attn.norm_q": "img_attn.norm.query_norm",
             "attn.norm_k": "img_attn.norm.key_norm", "attn.norm_added_q": "txt_attn.norm.query_norm",
             "attn.norm_added_k": "txt_attn.norm.key_norm", "ff.net.0.proj": "img_mlp.0", "ff.net.2": "img_mlp.2",
             "ff_context.net.0.proj": "txt_mlp.0", "ff_context.net.2": "txt_mlp.2", "ff.linear_in": "img_mlp.0",
             "ff.linear_out": "img_mlp.2", "ff_context.linear_in": "txt_mlp.0", "ff_context.linear_out": "txt_mlp.2"}
    single = {"norm.linear": "modulation.lin", "attn.norm_q": "norm.query_norm", "attn.norm_k": "norm.key_norm",
              "proj_out": "linear2", "attn.to_out": "linear2", "attn.to_qkv_mlp_proj": "linear1"}
    fused = {"attn.to_q": ("img_attn.qkv", 3), "attn.add_q_proj": ("txt_attn.qkv", 3)}
    for name, (dtype, shape) in table.items():
        stem, end = name.rsplit(".", 1)
        if stem in names:
            out[names[stem] + "." + end] = (dtype, shape)
            continue
        if name.startswith("distilled_guidance_layer"):
            out[name] = (dtype, shape)
            continue
        kind, n, rest = re.match(r"(transformer_blocks|single_transformer_blocks)\.(\d+)\.(.*)\.\w+$", name).groups()
        prefix = f"double_blocks.{n}." if kind == "transformer_blocks" else f"single_blocks.{n}."
        end = "scale" if "norm_" in rest and "attn" in rest else end
        if kind == "transformer_blocks":
            if rest in fused:
                out[prefix + fused[rest][0] + "." + end] = (dtype, (3 * shape[0],) + shape[1:])
            elif rest in block:
                out[prefix + block[rest] + "." + end] = (dtype, shape)
        elif rest == "attn.to_q":
            out[prefix + "linear1." + end] = (dtype, (7 * h,) + shape[1:])
        elif rest in single:
            out[prefix + single[rest] + "." + end] = (dtype, shape)
    return out


def flux(k):
    clip, clip_n = clip_text()
    vae, vae_n = kl_vae(16, False)
    t5 = T.T5Config(d_model=4096, d_ff=10240, d_kv=64, num_heads=64, num_layers=24, vocab_size=32128,
                    feed_forward_proj="gated-gelu")
    t5, t5_n = meta(lambda: T.T5EncoderModel(t5))
    if t5.pop("encoder.embed_tokens.weight", None):  # tied to shared.weight
        t5_n -= 32128 * 4096
    k.add("t5-xxl", "shared", "text-encoder", t5, t5_n, "T5-XXL text encoder")
    k.add("clip-l", "shared", "text-encoder", clip, clip_n, "CLIP-L text encoder")
    for name, inputs, guidance, variant in (("dev", 64, True, "dev"), ("schnell", 64, False, "schnell"),
                                            ("fill", 384, True, "Fill"), ("depth", 128, True, "Canny or Depth")):
        t, n = meta(lambda: D.FluxTransformer2DModel(in_channels=inputs, out_channels=64, guidance_embeds=guidance), "BF16")
        k.add(f"flux1-{name}-diffusers", "flux1", "denoiser", t, n, variant)
        k.add(f"flux1-{name}-original", "flux1", "denoiser", bfl(t, 3072), n, variant)
        if name == "dev":
            k.add("flux1-checkpoint", "flux1", "checkpoint",
                  merge(prefixed("model.diffusion_model.", bfl(t, 3072)), prefixed("vae.", original_vae(vae)),
                        prefixed("text_encoders.clip_l.transformer.", clip),
                        prefixed("text_encoders.t5xxl.transformer.", t5)), n + vae_n + clip_n + t5_n, "dev")
    for name, heads, double, one, text, guidance, variant in (
            ("dev", 48, 8, 48, 15360, True, "dev"), ("klein-4b", 24, 5, 20, 7680, False, "klein 4B"),
            ("klein-9b", 32, 8, 24, 12288, False, "klein 9B")):
        t, n = meta(lambda: D.Flux2Transformer2DModel(num_layers=double, num_single_layers=one, num_attention_heads=heads,
                                                      joint_attention_dim=text, guidance_embeds=guidance), "BF16")
        k.add(f"flux2-{name}-diffusers", "flux2", "denoiser", t, n, variant)
        k.add(f"flux2-{name}-original", "flux2", "denoiser", bfl(t, 128 * heads), None, variant)
    t, n = meta(D.ChromaTransformer2DModel, "BF16")
    k.add("chroma-diffusers", "chroma", "denoiser", t, n)
    k.add("chroma-original", "chroma", "denoiser", bfl(t, 3072), n)
    k.add("flux1-controlnet", "flux1", "controlnet", *meta(lambda: D.FluxControlNetModel(
        num_layers=5, num_single_layers=10, guidance_embeds=True)))
    k.add("flux1-controlnet-union", "flux1", "controlnet", *meta(lambda: D.FluxControlNetModel(
        num_layers=5, num_single_layers=10, guidance_embeds=True, num_mode=10)), "union")
    k.add("flux1-redux", "flux1", "style-model", {
        "redux_up.weight": ("BF16", (12288, 1152)), "redux_up.bias": ("BF16", (12288,)),
        "redux_down.weight": ("BF16", (4096, 12288)), "redux_down.bias": ("BF16", (4096,))}, None, "Redux")


def transformers(k):
    def sd3(dual, **more):
        return meta(lambda: D.SD3Transformer2DModel(dual_attention_layers=dual, **more))
    medium = dict(num_layers=24, num_attention_heads=24, caption_projection_dim=1536)
    k.add("sd3-medium", "sd3", "denoiser", *sd3((), pos_embed_max_size=192, **medium), "3 medium")
    k.add("sd3.5-medium", "sd3", "denoiser", *sd3(tuple(range(13)), pos_embed_max_size=384, qk_norm="rms_norm", **medium),
          "3.5 medium")
    k.add("sd3.5-large", "sd3", "denoiser", *sd3((), num_layers=38, num_attention_heads=38, caption_projection_dim=2432,
                                                  pos_embed_max_size=192, qk_norm="rms_norm"), "3.5 large")
    h = {}
    for i in range(24):
        for part in ("x_block", "context_block"):
            h[f"joint_blocks.{i}.{part}.attn.qkv.weight"] = ("F16", (4608, 1536))
            h[f"joint_blocks.{i}.{part}.adaLN_modulation.1.weight"] = ("F16", (9216, 1536))
    h["x_embedder.proj.weight"] = ("F16", (1536, 16, 2, 2))
    h["pos_embed"] = ("F16", (1, 36864, 1536))
    k.add("sd3-medium-original", "sd3", "denoiser", prefixed("model.diffusion_model.", h), None, "3 medium")
    k.add("sd3-controlnet", "sd3", "controlnet", *meta(lambda: D.SD3ControlNetModel(num_layers=12, num_attention_heads=24,
                                                                                  caption_projection_dim=1536)))
    k.add("qwen-image", "qwen-image", "denoiser", *meta(D.QwenImageTransformer2DModel, "BF16"))
    k.add("qwen-image-comfyui", "qwen-image", "denoiser",
          prefixed("model.diffusion_model.", meta(D.QwenImageTransformer2DModel, "BF16")[0]))
    k.add("qwen-image-layered", "qwen-image", "denoiser",
          *meta(lambda: D.QwenImageTransformer2DModel(use_additional_t_cond=True), "BF16"), "Layered")
    k.add("qwen-image-controlnet", "qwen-image", "controlnet", *meta(lambda: D.QwenImageControlNetModel(num_layers=5)), "union")
    z, n = meta(D.ZImageTransformer2DModel, "BF16")
    k.add("z-image-diffusers", "z-image", "denoiser", z, n)
    zo = {}
    for name, (dtype, shape) in z.items():
        if ".to_k." in name or ".to_v." in name:
            continue
        if ".to_q." in name:
            shape = (3 * shape[0],) + shape[1:]
        name = name.replace("to_q", "qkv").replace("to_out.0", "out").replace("norm_q", "q_norm").replace("norm_k", "k_norm")
        zo[name.replace("all_x_embedder.2-1", "x_embedder").replace("all_final_layer.2-1", "final_layer")] = (dtype, shape)
    k.add("z-image-original", "z-image", "denoiser", zo, n)
    k.add("lumina2", "lumina2", "denoiser", *meta(lambda: D.Lumina2Transformer2DModel(cap_feat_dim=2304), "BF16"))
    k.add("hidream", "hidream", "denoiser", *meta(lambda: D.HiDreamImageTransformer2DModel(
        patch_size=2, in_channels=16, caption_channels=[4096, 4096], axes_dims_rope=(64, 32, 32),
        llama_layers=list(range(48))), "BF16"))
    k.add("hunyuan-image", "hunyuan-image", "denoiser", *meta(lambda: D.HunyuanImageTransformer2DModel(text_embed_2_dim=1472), "BF16"))
    k.add("hunyuan-image-distilled", "hunyuan-image", "denoiser", *meta(lambda: D.HunyuanImageTransformer2DModel(
        text_embed_2_dim=1472, guidance_embeds=True, use_meanflow=True), "BF16"), "distilled")
    k.add("hunyuan-video", "hunyuan-video", "denoiser", *meta(D.HunyuanVideoTransformer3DModel, "BF16"), "1.0")
    k.add("hunyuan-video-i2v", "hunyuan-video", "denoiser", *meta(lambda: D.HunyuanVideoTransformer3DModel(in_channels=33), "BF16"),
          "1.0 image to video")
    k.add("hunyuan-video-1.5", "hunyuan-video", "denoiser", *meta(D.HunyuanVideo15Transformer3DModel, "BF16"), "1.5")
    k.add("hunyuan-framepack", "hunyuan-video", "denoiser", *meta(lambda: D.HunyuanVideoFramepackTransformer3DModel(
        has_clean_x_embedder=True, has_image_proj=True), "BF16"), "FramePack")
    k.add("ltx-2b", "ltx", "denoiser", *meta(D.LTXVideoTransformer3DModel, "BF16"), "2B")
    k.add("ltx-2", "ltx", "denoiser", *meta(D.LTX2VideoTransformer3DModel, "BF16"), "LTX-2 (with sound)")
    k.add("cogvideox-2b", "cogvideox", "denoiser", *meta(D.CogVideoXTransformer3DModel), "2B")
    k.add("cogvideox-5b", "cogvideox", "denoiser", *meta(lambda: D.CogVideoXTransformer3DModel(
        num_attention_heads=48, num_layers=42, use_rotary_positional_embeddings=True)), "5B")
    k.add("mochi", "mochi", "denoiser", *meta(D.MochiTransformer3DModel, "BF16"))
    k.add("sana-1.6b", "sana", "denoiser", *meta(D.SanaTransformer2DModel, "BF16"), "1.6B")
    k.add("pixart-sigma", "pixart", "denoiser", *meta(lambda: D.PixArtTransformer2DModel(
        caption_channels=4096, use_additional_conditions=False)))
    k.add("pixart-alpha", "pixart", "denoiser", *meta(lambda: D.PixArtTransformer2DModel(
        caption_channels=4096, use_additional_conditions=True)), "alpha 1024")
    k.add("auraflow", "auraflow", "denoiser", *meta(D.AuraFlowTransformer2DModel))
    k.add("hunyuan-dit", "hunyuan-dit", "denoiser", *meta(lambda: D.HunyuanDiT2DModel(
        num_layers=40, hidden_size=1408, in_channels=4, patch_size=2, mlp_ratio=4.3637, sample_size=128)))
    k.add("cosmos-predict2", "cosmos", "denoiser", *meta(lambda: D.CosmosTransformer3DModel(
        num_attention_heads=16, in_channels=16, extra_pos_embed_type=None), "BF16"))
    k.add("stable-cascade-c", "stable-cascade", "denoiser", *meta(lambda: D.StableCascadeUNet(
        clip_text_in_channels=1280, clip_text_pooled_in_channels=1280, clip_image_in_channels=768,
        switch_level=(False,)), "BF16"), "stage C")


def anima(k):
    t = {"x_embedder.proj.1.weight": ("BF16", (2048, 68)), "llm_adapter.embed.weight": ("BF16", (32128, 1024))}
    for i in range(28):
        b = f"blocks.{i}."
        for n in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.output_proj"):
            t[b + n + ".weight"] = ("BF16", (2048, 2048))
        t[b + "mlp.layer1.weight"], t[b + "mlp.layer2.weight"] = ("BF16", (8192, 2048)), ("BF16", (2048, 8192))
    k.add("anima", "anima", "denoiser", prefixed("net.", t))
    del t["llm_adapter.embed.weight"]
    k.add("cosmos-2b-original", "cosmos", "denoiser", prefixed("net.", t), None, "2B text to image")


WAN = [(r"condition_embedder\.time_embedder\.linear_1", "time_embedding.0"), (r"condition_embedder\.time_embedder\.linear_2", "time_embedding.2"),
       (r"condition_embedder\.time_proj", "time_projection.1"), (r"condition_embedder\.text_embedder\.linear_1", "text_embedding.0"),
       (r"condition_embedder\.text_embedder\.linear_2", "text_embedding.2"), (r"condition_embedder\.image_embedder\.norm1", "img_emb.proj.0"),
       (r"condition_embedder\.image_embedder\.ff\.net\.0\.proj", "img_emb.proj.1"), (r"condition_embedder\.image_embedder\.ff\.net\.2", "img_emb.proj.3"),
       (r"condition_embedder\.image_embedder\.norm2", "img_emb.proj.4"), (r"condition_embedder\.image_embedder\.pos_embed", "img_emb.emb_pos"),
       (r"^proj_out\.", "head.head."), (r"^scale_shift_table", "head.modulation"), (r"(blocks\.\d+\.)scale_shift_table", r"\1modulation"),
       (r"(blocks\.\d+\.)norm2\.", r"\1norm3."), (r"\.attn1\.", ".self_attn."), (r"\.attn2\.", ".cross_attn."), (r"\.to_out\.0", ".o"),
       (r"\.to_([qkv])\.", r".\1."), (r"\.add_k_proj", ".k_img"), (r"\.add_v_proj", ".v_img"), (r"\.norm_added_k", ".norm_k_img"),
       (r"ffn\.net\.0\.proj", "ffn.0"), (r"ffn\.net\.2", "ffn.2"), (r"(vace_blocks\.\d+\.)proj_in", r"\1before_proj"),
       (r"(vace_blocks\.\d+\.)proj_out", r"\1after_proj")]


def wan(k):
    small = dict(num_attention_heads=12, ffn_dim=8960, num_layers=30)
    image = dict(in_channels=36, image_dim=1280, added_kv_proj_dim=5120)
    for name, cls, args, variant, count in (
            ("t2v-1.3b", D.WanTransformer3DModel, small, "2.1 T2V 1.3B", 825),
            ("t2v-14b", D.WanTransformer3DModel, {}, "T2V 14B", 1095),
            ("i2v-14b", D.WanTransformer3DModel, image, "2.1 I2V 14B", 1303),
            ("flf2v-14b", D.WanTransformer3DModel, dict(image, pos_embed_seq_len=514), "2.1 FLF2V 14B", 1304),
            ("2.2-i2v-a14b", D.WanTransformer3DModel, dict(in_channels=36), "2.2 I2V A14B", 1095),
            ("2.2-ti2v-5b", D.WanTransformer3DModel, dict(num_attention_heads=24, ffn_dim=14336, num_layers=30, in_channels=48,
                                                         out_channels=48), "2.2 TI2V 5B", 825),
            ("vace-14b", D.WanVACETransformer3DModel, {}, "2.1 VACE 14B", None)):
        t, n = meta(lambda: cls(**args), "BF16")
        o = replaced(t, WAN)
        assert count is None or len(o) == count, (name, len(o))
        k.add(f"wan-{name}-original", "wan", "denoiser", o, n, variant)
        if name != "vace-14b":
            k.add(f"wan-{name}-diffusers", "wan", "denoiser", t, n, variant)
        else:
            k.add("wan-vace-module", "wan", "denoiser", {a: b for a, b in o.items() if a.startswith("vace")}, None, "VACE module only")


def autoencoders(k):
    t, n = kl_vae()
    assert n == 83_653_863
    k.add("sd-vae-diffusers", "shared", "vae", t, n, "SD VAE (4 channels)")
    k.add("sd-vae-original", "shared", "vae", original_vae(t), n, "SD VAE (4 channels)")
    t, n = kl_vae(16, False)
    assert n == 83_819_683
    k.add("flux-vae-original", "shared", "vae", original_vae(t), n, "SD3 / FLUX VAE (16 channels)")
    k.add("flux-vae-diffusers", "shared", "vae", t, n, "SD3 / FLUX VAE (16 channels)")
    flux2 = dict(down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
                 block_out_channels=(128, 256, 512, 512), layers_per_block=2)
    k.add("flux2-vae", "flux2", "vae", meta(lambda: D.AutoencoderKLFlux2(**flux2))[0], None, "FLUX.2 VAE (32 channels)")
    wan = "Wan 2.1 / Qwen-Image VAE (16 channels)"
    k.add("wan-vae", "shared", "vae", *meta(D.AutoencoderKLWan), wan)
    k.add("qwen-image-vae", "shared", "vae", *meta(D.AutoencoderKLQwenImage), wan)
    k.add("wan-vae-original", "shared", "vae", {
        "conv1.weight": ("F32", (32, 32, 1, 1, 1)), "conv2.weight": ("F32", (16, 16, 1, 1, 1)),
        "encoder.conv1.weight": ("F32", (96, 3, 3, 3, 3)), "decoder.conv1.weight": ("F32", (384, 16, 3, 3, 3)),
        "decoder.middle.0.residual.0.gamma": ("F32", (384, 1, 1, 1)),
        "decoder.upsamples.0.residual.0.gamma": ("F32", (384, 1, 1, 1))}, None, wan)
    k.add("wan-2.2-vae", "wan", "vae", *meta(lambda: D.AutoencoderKLWan(
        base_dim=160, decoder_base_dim=256, z_dim=48, is_residual=True, in_channels=12, out_channels=12, scale_factor_spatial=16,
        patch_size=2, latents_mean=[0.0] * 48, latents_std=[1.0] * 48)), "Wan 2.2 VAE (48 channels)")
    k.add("hunyuan-video-vae", "hunyuan-video", "vae", *meta(D.AutoencoderKLHunyuanVideo), "HunyuanVideo 1.0 VAE (16 channels)")
    k.add("cogvideox-vae", "cogvideox", "vae", *meta(lambda: D.AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4, up_block_types=("CogVideoXUpBlock3D",) * 4, latent_channels=16)),
        "CogVideoX VAE (16 channels)")
    k.add("ltx-vae", "ltx", "vae", *meta(D.AutoencoderKLLTXVideo), "LTX-Video VAE (128 channels)")
    k.add("taesd", "shared", "preview-vae", *meta(D.AutoencoderTiny), "TAESD (preview VAE, 4 channels)")
    k.add("taef1", "shared", "preview-vae", *meta(lambda: D.AutoencoderTiny(latent_channels=16)), "TAESD (preview VAE, 16 channels)")


def encoders(k):
    k.add("clip-bigg", "shared", "text-encoder", *clip_text(1280, 32, True), "CLIP bigG text encoder")
    k.add("open-clip-h", "sd2", "text-encoder", *open_clip(1024, 24), "OpenCLIP-H text encoder")
    umt5 = T.UMT5Config(d_model=4096, d_ff=10240, d_kv=64, num_heads=64, num_layers=24, vocab_size=256384,
                        feed_forward_proj="gated-gelu")
    k.add("umt5-xxl", "wan", "text-encoder", meta(lambda: T.UMT5EncoderModel(umt5))[0], None, "UMT5-XXL text encoder")
    for name, cls, config, eco, variant in (
            ("qwen3-4b", T.Qwen3Model, T.Qwen3Config(hidden_size=2560, intermediate_size=9728, num_hidden_layers=36,
             num_attention_heads=32, num_key_value_heads=8, head_dim=128), "shared", "Qwen3 4B"),
            ("llama-8b", T.LlamaModel, T.LlamaConfig(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32,
             num_attention_heads=32, num_key_value_heads=8, vocab_size=128256), "shared", "Llama 3 8B"),
            ("mistral-small", T.MistralModel, T.MistralConfig(hidden_size=5120, intermediate_size=32768, num_hidden_layers=40,
             num_attention_heads=32, num_key_value_heads=8, head_dim=128, vocab_size=131072), "flux2", "Mistral Small 3"),
            ("gemma2-2b", T.Gemma2Model, T.Gemma2Config(hidden_size=2304, intermediate_size=9216, num_hidden_layers=26,
             num_attention_heads=8, num_key_value_heads=4, head_dim=256), "shared", "Gemma 2 2B")):
        t, n = meta(lambda: cls(config), "BF16")
        k.add(name, eco, "text-encoder", prefixed("model.", t), n, variant)
    vision = T.CLIPVisionConfig(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16, patch_size=14)
    t, n = meta(lambda: T.CLIPVisionModelWithProjection(vision))
    k.add("clip-vision-h", "shared", "image-encoder", {a: b for a, b in t.items() if "position_ids" not in a}, n, "CLIP ViT-H image encoder")


def controls(k):
    cn = dict(down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",))
    k.add("sd1-controlnet", "sd1", "controlnet", *meta(lambda: D.ControlNetModel(cross_attention_dim=768, **cn)))
    k.add("sd2-controlnet", "sd2", "controlnet", *meta(lambda: D.ControlNetModel(
        cross_attention_dim=1024, use_linear_projection=True, attention_head_dim=(5, 10, 20, 20), **cn)))
    xl = dict(down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), block_out_channels=(320, 640, 1280),
              cross_attention_dim=2048, use_linear_projection=True, attention_head_dim=(5, 10, 20),
              transformer_layers_per_block=(1, 2, 10), addition_embed_type="text_time", addition_time_embed_dim=256,
              projection_class_embeddings_input_dim=2816)
    k.add("sdxl-controlnet", "sdxl", "controlnet", *meta(lambda: D.ControlNetModel(**xl)))
    k.add("sdxl-controlnet-union", "sdxl", "controlnet", *meta(lambda: D.ControlNetUnionModel(**xl)), "union")
    t, n = meta(lambda: D.ControlNetModel(cross_attention_dim=768, **cn))
    body = {a: b for a, b in t.items() if not a.startswith("controlnet_")}
    o = prefixed("control_model.", original_unet(body))
    for i in range(12):
        o[f"control_model.zero_convs.{i}.0.weight"] = ("F16", (320, 320, 1, 1))
    o["control_model.input_hint_block.0.weight"] = ("F16", (16, 3, 3, 3))
    k.add("sd1-controlnet-original", "sd1", "controlnet", o)
    k.add("sd1-t2i-adapter", "sd1", "t2i-adapter", *meta(lambda: D.T2IAdapter(adapter_type="full_adapter")))
    k.add("sdxl-t2i-adapter", "sdxl", "t2i-adapter", *meta(lambda: D.T2IAdapter(
        adapter_type="full_adapter_xl", downscale_factor=16)))
    k.add("animatediff-v3", "sd1", "motion-module", *meta(lambda: D.MotionAdapter(use_motion_mid_block=False)), "AnimateDiff v3")
    k.add("animatediff-v2", "sd1", "motion-module", *meta(lambda: D.MotionAdapter(use_motion_mid_block=True)), "AnimateDiff v2")
    for eco, width, count, plus in (("sd1", 768, 16, False), ("sdxl", 2048, 70, False), ("sd1", 768, 16, True), ("sdxl", 2048, 70, True)):
        t = {}
        for i in range(count):
            t[f"ip_adapter.{2 * i + 1}.to_k_ip.weight"] = t[f"ip_adapter.{2 * i + 1}.to_v_ip.weight"] = ("F16", (640, width))
        if plus:
            t["image_proj.latents"], t["image_proj.proj_in.weight"] = ("F16", (1, 16, 768)), ("F16", (768, 1280))
        else:
            t["image_proj.proj.weight"] = ("F16", (4 * width, 1024))
        k.add(f"{eco}-ip-adapter{'-plus' if plus else ''}", eco, "ip-adapter", t, None, "Plus" if plus else "")


# ------------------------------------------------------------------------------------------ adapters


def modules(table, wanted):
    """The weights, [out, in, …], of the modules whose names match."""
    return {n[:-7]: s for n, (_, s) in table.items() if n.endswith(".weight") and re.search(wanted, n) and len(s) >= 2}


def kohya(found, prefix, r=16, kind="lora"):
    out = {}
    for name, s in found.items():
        m, tail = prefix + name.replace(".", "_"), s[2:]
        if kind == "lora":
            out[m + ".lora_down.weight"], out[m + ".lora_up.weight"] = (r, s[1]) + tail, (s[0], r) + (1,) * len(tail)
        elif kind == "loha":
            for w in ("w1", "w2"):
                out[f"{m}.hada_{w}_a"], out[f"{m}.hada_{w}_b"] = (s[0], r), (r, torch.Size(s[1:]).numel())
        elif kind == "lokr":
            out[m + ".lokr_w1"], out[m + ".lokr_w2"] = (4, 4), (s[0] // 4, s[1] // 4) + tail
        elif kind == "oft":
            out[m + ".oft_blocks"] = (4, s[0] // 4, s[0] // 4)
        elif kind == "diff":
            out[m + ".diff"] = s
        if kind != "diff":
            out[m + ".alpha"] = ()
    return {n: ("F16", s) for n, s in out.items()}


def dotted(found, prefix, r=16):
    out = {}
    for name, s in found.items():
        out[f"{prefix}{name}.lora_A.weight"], out[f"{prefix}{name}.lora_B.weight"] = ("BF16", (r, s[1])), ("BF16", (s[0], r))
    return out


ATTENTION = r"attentions.*(to_[qkv]|to_out\.0|proj_in|proj_out|ff\.net\.0\.proj|ff\.net\.2)\.weight"
CLIP = r"(self_attn\..*_proj|mlp\.fc\d)\.weight"


def loras(k):
    add = lambda name, eco, table, variant="": k.add(name, eco, "lora", table, None, variant)
    sd1 = unet((1, 1, 1, 0), cross_attention_dim=768)[0]
    clip = modules(clip_text()[0], CLIP)
    found = modules(sd1, ATTENTION)
    assert len(found) == 192 - 32 + 32 and len(clip) == 72, (len(found), len(clip))
    add("lora-sd1-kohya", "sd1", merge(kohya(found, "lora_unet_"), kohya(clip, "lora_te_")))
    for kind in ("loha", "lokr", "oft", "diff"):
        add(f"{kind}-sd1", "sd1", kohya(found, "lora_unet_", kind=kind))
    add("locon-sd1", "sd1", kohya(modules(sd1, ATTENTION + r"|resnets.*conv\d\.weight"), "lora_unet_"))
    dora = kohya(found, "lora_unet_")
    dora.update({n.replace(".alpha", ".dora_scale"): ("F16", (1, 320)) for n in list(dora) if n.endswith(".alpha")})
    add("dora-sd1", "sd1", dora)
    add("lora-sd1-peft", "sd1", dotted(found, "unet."))
    add("lora-sd1-text-only", "sd1", kohya(clip, "lora_te_"))
    add("lora-sd2-kohya", "sd2", kohya(modules(unet((1, 1, 1, 0), cross_attention_dim=1024, use_linear_projection=True,
                                                    heads=(5, 10, 20, 20))[0], ATTENTION), "lora_unet_"))
    xl = sdxl_unet()[0]
    bigg = modules(clip_text(1280, 32, True)[0], CLIP)
    text = merge(kohya(clip, "lora_te1_"), kohya(bigg, "lora_te2_"))
    original = modules(original_unet(xl), r"\.1\..*(to_[qkv]|to_out\.0|proj_in|proj_out|ff\.net\.0\.proj|ff\.net\.2)\.weight")
    assert len(original) == 722 and len(clip) + len(bigg) == 264
    add("lora-sdxl-kohya", "sdxl", merge(kohya(original, "lora_unet_"), text))
    add("lora-sdxl-peft", "sdxl", dotted(modules(xl, ATTENTION), "unet."))
    add("locon-sdxl", "sdxl", kohya(modules(xl, ATTENTION + r"|resnets.*conv\d\.weight"), "lora_unet_"))
    add("lora-sdxl-text-only", "sdxl", text)
    add("oft-sdxl", "sdxl", kohya(original, "lora_unet_", kind="oft"))
    flux1 = meta(lambda: D.FluxTransformer2DModel(guidance_embeds=True))[0]
    add("lora-flux1-kohya", "flux1", kohya(modules(bfl(flux1, 3072), r"(double|single)_blocks"), "lora_unet_"))
    add("lora-flux1-diffusers", "flux1", dotted(modules(flux1, r"transformer_blocks.*(attn|ff|proj)"), "transformer."))
    add("lora-flux1-attention", "flux1", dotted(modules(flux1, r"^transformer_blocks.*attn.*to_[qkv]"), "transformer."))
    add("lora-flux1-comfyui", "flux1", dotted(modules(bfl(flux1, 3072), r"(double|single)_blocks"), "diffusion_model."))
    chroma = bfl(meta(D.ChromaTransformer2DModel)[0], 3072)
    add("lora-chroma", "chroma", dotted(modules(chroma, r"(double|single)_blocks|distilled"), "diffusion_model."))
    for name, heads, double, one, text_dim, variant in (("dev", 48, 8, 48, 15360, "dev"), ("klein-4b", 24, 5, 20, 7680, "klein 4B"),
                                                        ("klein-9b", 32, 8, 24, 12288, "klein 9B")):
        t = meta(lambda: D.Flux2Transformer2DModel(num_layers=double, num_single_layers=one, num_attention_heads=heads,
                                                   joint_attention_dim=text_dim))[0]
        add(f"lora-flux2-{name}", "flux2", dotted(modules(bfl(t, heads * 128), r"(double|single)_blocks.*(qkv|proj|mlp|linear)"),
                                                 "diffusion_model."), variant)
        add(f"lora-flux2-{name}-diffusers", "flux2", dotted(modules(t, r"transformer_blocks.*attn"), "transformer."), variant)
    sd3 = meta(lambda: D.SD3Transformer2DModel(num_layers=24, num_attention_heads=24, caption_projection_dim=1536))[0]
    add("lora-sd3-diffusers", "sd3", dotted(modules(sd3, r"transformer_blocks.*attn"), "transformer."))
    qwen = meta(D.QwenImageTransformer2DModel)[0]
    add("lora-qwen-image", "qwen-image", dotted(modules(qwen, r"transformer_blocks.*(attn|mlp)"), "transformer."))
    add("lora-qwen-image-kohya", "qwen-image", kohya(modules(qwen, r"transformer_blocks.*attn"), "lora_unet_"))
    z = meta(D.ZImageTransformer2DModel)[0]
    add("lora-z-image", "z-image", dotted(modules(z, r"layers.*(attention\.|feed_forward)"), "diffusion_model."))
    add("lora-lumina2", "lumina2", dotted(modules(meta(lambda: D.Lumina2Transformer2DModel(cap_feat_dim=2304))[0], r"layers.*attn"),
                                          "transformer."))
    hunyuan = meta(D.HunyuanVideoTransformer3DModel)[0]
    add("lora-hunyuan-video", "hunyuan-video", dotted(modules(hunyuan, r"^(single_)?transformer_blocks.*attn"), "transformer."), "1.0")
    for name, args, variant in (("1.3b", dict(num_attention_heads=12, ffn_dim=8960, num_layers=30), "1.3B"), ("14b", {}, "14B"),
                                ("i2v", dict(in_channels=36, image_dim=1280, added_kv_proj_dim=5120), "2.1 I2V 14B"),
                                ("5b", dict(num_attention_heads=24, ffn_dim=14336, num_layers=30, in_channels=48, out_channels=48), "5B")):
        t = meta(lambda: D.WanTransformer3DModel(**args))[0]
        found = modules(replaced(t, WAN), r"blocks.*(attn|ffn)")
        add(f"lora-wan-{name}", "wan", dotted(found, "diffusion_model."), variant)
        add(f"lora-wan-{name}-kohya", "wan", kohya(found, "lora_unet_"), variant)
    add("lora-wan-diffusers", "wan", dotted(modules(meta(D.WanTransformer3DModel)[0], r"blocks.*attn"), "transformer."), "14B")
    add("lora-auraflow", "auraflow", dotted(modules(meta(D.AuraFlowTransformer2DModel)[0], r"transformer_blocks.*attn"), "transformer."))
    add("lora-hidream", "hidream", dotted(modules(meta(lambda: D.HiDreamImageTransformer2DModel(
        patch_size=2, in_channels=16, caption_channels=[4096, 4096], axes_dims_rope=(64, 32, 32),
        llama_layers=list(range(48))))[0], r"stream_blocks.*attn"), "diffusion_model."))
    add("lora-hunyuan-image", "hunyuan-image", dotted(modules(meta(D.HunyuanImageTransformer2DModel)[0],
                                                              r"^(single_)?transformer_blocks.*attn"), "transformer."))
    add("lora-ltx", "ltx", dotted(modules(meta(D.LTXVideoTransformer3DModel)[0], r"transformer_blocks.*attn"), "diffusion_model."), "2B")
    add("lora-cogvideox", "cogvideox", dotted(modules(meta(lambda: D.CogVideoXTransformer3DModel(
        num_attention_heads=48, num_layers=42))[0], r"transformer_blocks.*attn1"), "transformer."), "5B")
    add("lora-mochi", "mochi", dotted(modules(meta(D.MochiTransformer3DModel)[0], r"transformer_blocks.*attn1"), "transformer."))
    add("lora-sana", "sana", dotted(modules(meta(D.SanaTransformer2DModel)[0], r"transformer_blocks.*attn"), "transformer."), "1.6B")
    add("lora-pixart", "pixart", dotted(modules(meta(lambda: D.PixArtTransformer2DModel(caption_channels=4096))[0],
                                                r"transformer_blocks.*attn"), "transformer."))


def small(k):
    f = "F32"
    k.add("embedding-sd1-pt", "sd1", "embedding", {"string_to_param.*": (f, (4, 768))}, None, "4 vectors")
    k.add("embedding-sd1-diffusers", "sd1", "embedding", {"<cat>": (f, (768,))}, None, "1 vector")
    k.add("embedding-sd2", "sd2", "embedding", {"emb_params": (f, (8, 1024))}, None, "8 vectors")
    k.add("embedding-sdxl", "sdxl", "embedding", {"clip_l": (f, (2, 768)), "clip_g": (f, (2, 1280))})
    k.add("hypernetwork", "sd1", "hypernetwork", {
        f"{w}.{i}.linear.{j}.weight": (f, (2 * w, w) if j == 0 else (w, 2 * w)) for w in (320, 640, 768, 1280) for i in (0, 1) for j in (0, 1)})
    rdb = {}
    for b in range(23):
        for r in (1, 2, 3):
            for c in range(1, 6):
                rdb[b, r, c] = (64 if c == 5 else 32, 64 + 32 * (c - 1), 3, 3)
    new = {f"body.{b}.rdb{r}.conv{c}.weight": (f, s) for (b, r, c), s in rdb.items()}
    new.update({"conv_first.weight": (f, (64, 3, 3, 3)), "conv_body.weight": (f, (64, 64, 3, 3)), "conv_last.weight": (f, (3, 64, 3, 3))})
    k.add("upscaler-real-esrgan", "shared", "upscaler", new, None, "Real-ESRGAN upscaler")
    old = {f"model.1.sub.{b}.RDB{r}.conv{c}.0.weight": (f, s) for (b, r, c), s in rdb.items()}
    old.update({"model.0.weight": (f, (64, 3, 3, 3)), "model.10.weight": (f, (3, 64, 3, 3))})
    k.add("upscaler-esrgan-old", "shared", "upscaler", old, None, "ESRGAN upscaler (old names)")
    compact = {"body.0.weight": (f, (64, 3, 3, 3)), "body.66.weight": (f, (48, 64, 3, 3))}
    for i in range(32):
        compact[f"body.{2 * i + 1}.weight"], compact[f"body.{2 * i + 2}.weight"] = (f, (64,)), (f, (64, 64, 3, 3))
    k.add("upscaler-compact", "shared", "upscaler", prefixed("params.", compact), None, "compact upscaler (SRVGGNet)")
    k.add("controlnet-lllite", "sdxl", "controlnet", {
        f"lllite_unet_input_blocks_4_1_transformer_blocks_{i}_attn1_to_q.{n}.weight": (f, (64, 640)) for i in range(2)
        for n in ("down.0", "mid.0", "up.0", "conditioning1.0")}, None, "LLLite")


if __name__ == "__main__":
    kinds = Kinds()
    for part in (unets, flux, transformers, anima, wan, autoencoders, encoders, controls, loras, small):
        part(kinds)
    kinds.save()
