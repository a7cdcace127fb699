"""Goldens for tests/files and tests/tensor: small weight files as torch and safetensors write them.

Writes tests/golden/files/: the files, `expected.safetensors` (each tensor of each file, contiguous, named
"FILE/NAME"), `expected.json` (metadata, element types, hashes) and `dtypes.safetensors` (conversion tables).
Run with a Python that has torch 2.13 and safetensors.
"""

import collections
import hashlib
import json
import pathlib
import sys
import types

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent / "files"
expected = {}
facts = {}


def numbers(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


def save(name, content, tensors, metadata=None, legacy=False):
    """`tensors`: what a reader must find, by the name it must give."""
    path = OUT / name
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    remember(name, tensors, metadata)


def remember(name, tensors, metadata=None):
    for key, tensor in tensors.items():
        tensor = tensor.detach().clone().contiguous()
        eight = tensor.dtype in (torch.float8_e4m3fn, torch.float8_e5m2)
        expected[f"{name}/{key}"] = tensor.view(torch.uint8) if eight else tensor
    facts[name] = {
        "dtypes": {key: str(t.dtype).removeprefix("torch.") for key, t in tensors.items()},
        "metadata": metadata or {},
    }


def all_types():
    out = {"f64": numbers(3, seed=1).double(), "f32": numbers(2, 3, seed=2), "scalar": torch.tensor(1.5)}
    out |= {"f16": numbers(5, seed=3).half(), "bf16": numbers(5, seed=4).bfloat16()}
    out |= {"f8_e4m3": numbers(7, seed=5).to(torch.float8_e4m3fn), "f8_e5m2": numbers(7, seed=6).to(torch.float8_e5m2)}
    for name in ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"):
        out[name] = torch.arange(3).to(getattr(torch, name))
    out |= {"bool": torch.tensor([True, False, True]), "empty": torch.zeros(0, 4)}
    return out


def views():
    base = numbers(6, 8, seed=10)
    return {
        "base": base,
        "transposed": base.t(),
        "window": base[1:4, 2:7],
        "every_other": base[::2, ::3],
        "repeated": numbers(1, 3, seed=11).expand(4, 3),
        "bits": numbers(4, seed=12).half()[1:],
    }


class Callback:
    """Stands for the Python objects that training programs leave in their checkpoints."""

    def __init__(self):
        self.monitor = "val/loss"
        self.best = numbers(2, seed=20)


def lightning(weights):
    module = types.ModuleType("some_trainer.callbacks")
    Callback.__module__ = module.__name__
    module.Callback = Callback
    sys.modules["some_trainer"] = types.ModuleType("some_trainer")
    sys.modules[module.__name__] = module
    return {
        "epoch": 3,
        "global_step": 4711,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": weights,
        "callbacks": {Callback: {"monitor": "val/loss", "best": numbers(2, seed=21)}, "object": Callback()},
        "optimizer_states": [{"state": {0: {"exp_avg": numbers(2, seed=22)}}, "param_groups": [{"lr": 1e-4}]}],
        "lr_schedulers": [],
        "hyper_parameters": collections.defaultdict(list, {"layers": [1, 2, 3]}),
    }


def checkpoints():
    types_ = all_types()
    save("types.pt", types_, types_)
    legacy_types = {k: v for k, v in types_.items() if not k.startswith("uint") or k == "uint8"}
    save("types_legacy.pt", legacy_types, legacy_types, legacy=True)
    save("views.pt", views(), views())
    save("views_legacy.pt", views(), views(), legacy=True)

    layer = torch.nn.Linear(3, 2)
    state = layer.state_dict()
    save("state_dict.pt", state, dict(state))
    save("parameters.pt", {"w": layer.weight, "b": torch.nn.Parameter(numbers(2, seed=30).half())},
         {"w": layer.weight, "b": numbers(2, seed=30).half()})
    tied = numbers(4, seed=31)
    save("shared.pt", {"a": tied, "b": tied, "c": tied.view(2, 2)}, {"a": tied, "b": tied, "c": tied.view(2, 2)})

    plain = {"epoch": "3", "global_step": "4711", "pytorch-lightning_version": "1.4.2"}
    weights = collections.OrderedDict((f"model.{i}.weight", numbers(2, 2, seed=40 + i)) for i in range(3))
    save("lightning.ckpt", lightning(weights), dict(weights), plain)
    save("lightning_legacy.ckpt", lightning(weights), dict(weights), plain, legacy=True)
    save("upscaler.pth", {"params_ema": {"conv.weight": numbers(2, seed=50)}, "params": {"conv.weight": numbers(2, seed=51)}},
         {"conv.weight": numbers(2, seed=50)})
    save("model_alone.pth", {"model": {"a": numbers(2, seed=52)}, "iter": 7}, {"a": numbers(2, seed=52)}, {"iter": "7"})
    save("model_beside.pth", {"model": {"a": numbers(2, seed=53)}, "other": numbers(2, seed=54)},
         {"model.a": numbers(2, seed=53), "other": numbers(2, seed=54)})
    save("ip_adapter.bin", {"image_proj": {"proj.weight": numbers(2, seed=55)}, "ip_adapter": {"1.to_k_ip.weight": numbers(2, seed=56)}},
         {"image_proj.proj.weight": numbers(2, seed=55), "ip_adapter.1.to_k_ip.weight": numbers(2, seed=56)})
    vectors = numbers(2, 8, seed=57)
    save("embedding.pt", {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.nn.Parameter(vectors)}, "name": "my-style",
                          "step": 500, "sd_checkpoint": None},
         {"string_to_param.*": vectors}, {"string_to_token.*": "265", "name": "my-style", "step": "500"})
    save("learned_embeds.bin", {"<cat-toy>": numbers(8, seed=58)}, {"<cat-toy>": numbers(8, seed=58)})
    save("lone.pt", numbers(2, 2, seed=59), {"tensor": numbers(2, 2, seed=59)})
    for protocol in (3, 4, 5):
        name = f"protocol{protocol}.pt"
        torch.save({"a": numbers(2, seed=60), "n": -1, "big": 2**40, "x": 0.5}, OUT / name, pickle_protocol=protocol)
        remember(name, {"a": numbers(2, seed=60)}, {"n": "-1", "big": str(2**40), "x": "0.5"})
    torch.save({"c": torch.zeros(2, dtype=torch.complex64)}, OUT / "complex.pt")
    torch.save(Callback(), OUT / "object.pt")
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(2)), OUT / "torchscript.pt")


def safetensors_files():
    save_file(all_types(), OUT / "types.safetensors", {"format \"pt\"": "line\nbreak \u4e39\u9752 \x7f\\ \x01"})
    remember("types.safetensors", all_types(), {"format \"pt\"": "line\nbreak \u4e39\u9752 \x7f\\ \x01"})
    save_file({}, OUT / "empty.safetensors")
    remember("empty.safetensors", {})
    data = (OUT / "types.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    facts["types.safetensors"]["sha256"] = hashlib.sha256(data).hexdigest()
    facts["types.safetensors"]["tensors_sha256"] = hashlib.sha256(data[start:]).hexdigest()


def bits(tensor):
    return tensor.view(torch.int32)


def dtype_tables():
    """Every 8-bit float as f32, and f32 → f16, bf16 on edge values and random bit patterns."""
    every = torch.arange(256, dtype=torch.int32).to(torch.uint8)
    halves = torch.arange(65536, dtype=torch.int32).to(torch.int16)
    finite = halves.view(torch.float16).float()
    finite = finite[torch.isfinite(finite)].unique()
    middle = (finite[:-1] + finite[1:]) / 2  # ties between neighbours
    middle = middle[torch.randperm(len(middle), generator=torch.Generator().manual_seed(1))[:3000]]
    edges = torch.tensor([0.0, -0.0, 65504.0, 65519.99, 65520.0, -65520.0, 1e30, 2**-24, 2**-25, 2**-25 * 1.0001, 2**-26,
                          6.1e-5, float("inf"), -float("inf"), 3.4028234663852886e38, 1e-45, -1e-45])
    nudged = (bits(middle)[:, None] + torch.tensor([-1, 0, 1], dtype=torch.int32)).view(torch.float32).flatten()
    generator = torch.Generator().manual_seed(2)
    random = torch.randint(-2**31, 2**31, (12000,), generator=generator, dtype=torch.int64).to(torch.int32).view(torch.float32)
    values = torch.cat([edges, nudged, random])
    values = values[~torch.isnan(values)]
    save_file({
        "f8_e4m3": bits(every.view(torch.float8_e4m3fn).float()),
        "f8_e5m2": bits(every.view(torch.float8_e5m2).float()),
        "values": bits(values),
        "half": values.half().view(torch.int16),
        "bfloat16": values.bfloat16().view(torch.int16),
    }, OUT / "dtypes.safetensors")


OUT.mkdir(exist_ok=True)
torch.manual_seed(0)
checkpoints()
safetensors_files()
dtype_tables()
save_file(expected, OUT / "expected.safetensors")
(OUT / "expected.json").write_text(json.dumps(facts, indent=1, ensure_ascii=True) + "\n")
