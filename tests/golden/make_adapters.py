#!/usr/bin/env python3
"""LoRA's relatives beside the small U-Net, as LyCORIS stores and applies them.

Writes tests/golden/models/{loha,lokr,dora,dora_columns,oft}.safetensors (the cross-attention of all blocks and the
residual blocks' first convolutions on the way down, seeded) and adapters_unet.safetensors: x, context and the U-Net's
output with each of them at strength 1, in f64. The changed weights are LyCORIS's own.

Needs torch, diffusers, safetensors, lycoris_lora and einops. Same script, same versions, same bytes.
"""
import pathlib

import torch
from diffusers import UNet2DConditionModel
from lycoris.modules.diag_oft import DiagOFTModule
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent / "models"
g = torch.Generator().manual_seed(31)


def unet():
    return UNet2DConditionModel.from_pretrained(HERE / "tiny" / "unet")


def wanted(name, module):
    weight = getattr(module, "weight", None)
    if weight is None or weight.ndim < 2:
        return False
    return ".attn2." in name or ("down_blocks" in name and name.endswith("conv1"))


KINDS = {
    "loha": lambda n, m: LohaModule(n, m, lora_dim=2, alpha=1.5),
    # The rank decides that the second factor is a product in some layers and whole in others.
    "lokr": lambda n, m: LokrModule(n, m, lora_dim=3, alpha=1.5, factor=-1),
    "dora": lambda n, m: LoConModule(n, m, lora_dim=2, alpha=1, weight_decompose=True),
    "dora_columns": lambda n, m: LoConModule(n, m, lora_dim=2, alpha=1, weight_decompose=True, wd_on_out=False),
    "oft": lambda n, m: DiagOFTModule(n, m, lora_dim=4, constraint=0.002, rescaled=True),
}

first = unet()
out = {
    "x": torch.randn(1, 4, 16, 16, generator=g),
    "context": torch.randn(1, 77, first.config.cross_attention_dim, generator=g),
}
for kind, make in KINDS.items():
    net, tensors = unet(), {}
    for name, module in list(net.named_modules()):
        if not wanted("." + name, module):
            continue
        adapter = make("lora_unet_" + name.replace(".", "_"), module)
        with torch.no_grad():
            for part, value in adapter.named_parameters():
                noise = torch.randn(value.shape, generator=g)
                if part in ("dora_scale", "rescale"):
                    value.mul_(1 + 0.2 * noise)
                else:
                    value.copy_(noise * (0.3 if kind != "oft" else 0.2))
            merged, _ = adapter.get_merged_weight(1, shape=module.weight.shape)
            if kind in ("loha", "lokr"):
                # As forward() has it; get_merged_weight of LyCORIS 4.1.3 applies alpha/rank twice to these.
                merged = module.weight + adapter.get_weight(module.weight.shape)
            # The layer's own parameters, not the adapter's copy of them.
            module.weight.data = merged.detach().clone()
        # Some kinds name their tensors themselves.
        stored = adapter.custom_state_dict() or {k: v for k, v in adapter.state_dict().items() if "org" not in k}
        for part, value in stored.items():
            tensors[f"{adapter.lora_name}.{part}"] = value.detach().clone().contiguous()
    save_file(tensors, HERE / f"{kind}.safetensors", metadata={"ss_network_module": "lycoris.kohya"})
    net.double()
    with torch.no_grad():
        out[kind] = net(out["x"].double(), 500.0, out["context"].double()).sample.float()
first.double()
with torch.no_grad():
    out["plain"] = first(out["x"].double(), 500.0, out["context"].double()).sample.float()
save_file({k: v.contiguous() for k, v in sorted(out.items())}, HERE / "adapters_unet.safetensors")
print({k: ((out[k] - out["plain"]).norm() / out["plain"].norm()).item() for k in KINDS})
