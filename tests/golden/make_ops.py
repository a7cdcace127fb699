"""Writes ops.safetensors: results of PyTorch's own operators on small seeded inputs.

Images are stored channels-last, as Danqing's ops take them. Run: python tests/golden/make_ops.py
"""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(2024)
out: dict[str, torch.Tensor] = {}


def keep(case: str, **tensors: torch.Tensor) -> None:
    for name, tensor in tensors.items():
        out[f"{case}.{name}"] = tensor.detach().to(torch.float32).contiguous().clone()


def last(x: torch.Tensor) -> torch.Tensor:
    """[N, C, H, W] as [N, H, W, C]."""
    return x.permute(0, 2, 3, 1)


def linear() -> None:
    x, w, b, r = torch.randn(2, 5, 37), torch.randn(19, 37) * 0.2, torch.randn(19), torch.randn(2, 5, 19)
    keep("linear", x=x, w=w, b=b, r=r, y=F.linear(x.double(), w.double(), b.double()) + r)
    keep("linear_quick_gelu", y=(lambda z: z * torch.sigmoid(1.702 * z))(F.linear(x.double(), w.double(), b.double())))
    w2, b2 = torch.randn(34, 37) * 0.3, torch.randn(34)
    value, gate = F.linear(x.double(), w2.double(), b2.double()).chunk(2, dim=-1)
    keep("geglu", x=x, w=w2, b=b2, y=value * F.gelu(gate))


def conv2d() -> None:
    # The stride-2 convolutions of the VAE pad right and bottom only; pad order is (left, right, top, bottom).
    cases = {
        "conv3x3": ((2, 5, 9, 7), (11, 5, 3, 3), 1, (1, 1, 1, 1)),
        "conv3x3_down": ((1, 6, 9, 8), (4, 6, 3, 3), 2, (0, 1, 0, 1)),
        "conv3x3_stride2": ((1, 4, 8, 9), (7, 4, 3, 3), 2, (1, 1, 1, 1)),
        "conv1x1": ((2, 9, 5, 6), (3, 9, 1, 1), 1, (0, 0, 0, 0)),
        "conv_uneven": ((1, 3, 10, 11), (5, 3, 5, 4), 3, (2, 0, 1, 3)),
    }
    for name, (xs, ws, stride, pad) in cases.items():
        x, w, b = torch.randn(xs), torch.randn(ws) * 0.3, torch.randn(ws[0])
        y = F.conv2d(F.pad(x.double(), pad), w.double(), b.double(), stride=stride)
        keep(name, x=last(x), w=w, b=b, y=last(y))
    x, w = torch.randn(1, 3, 5, 4), torch.randn(6, 3, 3, 3) * 0.3
    y = F.conv2d(F.interpolate(x.double(), scale_factor=2, mode="nearest"), w.double(), padding=1)
    keep("conv_upsampled", x=last(x), w=w, y=last(y))


def norms() -> None:
    x, w, b = torch.randn(2, 12, 5, 7) * 3 + 1, torch.randn(12), torch.randn(12)
    y = F.group_norm(x.double(), 4, w.double(), b.double(), eps=1e-5)
    keep("group_norm", x=last(x), w=w, b=b, y=last(y), silu=last(F.silu(y)))
    # f32 data whose mean is a thousand deviations away.
    far = torch.randn(1, 8, 16, 16) + 1000
    keep("group_norm_far", x=last(far), y=last(F.group_norm(far.double(), 2, eps=1e-6)))
    t, tw, tb = torch.randn(3, 4, 45) * 2 - 1, torch.randn(45), torch.randn(45)
    keep("layer_norm", x=t, w=tw, b=tb, y=F.layer_norm(t.double(), (45,), tw.double(), tb.double(), eps=1e-5))


def activations() -> None:
    x = torch.cat([torch.linspace(-12, 12, 193), torch.tensor([0.0, -0.0, 1e-30, -1e-30, 60.0, -60.0, 88.8, -104.0])])
    d = x.double()
    keep("activation", x=x, silu=F.silu(d), gelu=F.gelu(d), gelu_tanh=F.gelu(d, approximate="tanh"),
         quick_gelu=d * torch.sigmoid(1.702 * d))


def attention() -> None:
    def heads(x: torch.Tensor, n: int) -> torch.Tensor:
        return x.double().unflatten(-1, (n, -1)).transpose(1, 2)

    def joined(x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2).flatten(2)

    q, k, v = torch.randn(2, 13, 3 * 10) * 2, torch.randn(2, 17, 3 * 10), torch.randn(2, 17, 3 * 6)
    keep("attention", q=q, k=k, v=v, y=joined(F.scaled_dot_product_attention(heads(q, 3), heads(k, 3), heads(v, 3))))
    bias = torch.randn(2, 3, 13, 17)
    bias[bias > 1.2] = -torch.inf
    y = F.scaled_dot_product_attention(heads(q, 3), heads(k, 3), heads(v, 3), attn_mask=bias.double(), scale=0.7)
    keep("attention_bias", bias=bias, y=joined(y))
    t = torch.randn(1, 21, 2 * 8)
    y = F.scaled_dot_product_attention(heads(t, 2), heads(t, 2), heads(t, 2), is_causal=True)
    keep("attention_causal", x=t, y=joined(y))


def resize() -> None:
    x = torch.randn(2, 3, 5, 7)
    for height, width in ((10, 14), (11, 9), (5, 7), (3, 23)):
        keep(f"upsample_{height}x{width}", y=last(F.interpolate(x, size=(height, width), mode="nearest")))
    keep("upsample", x=last(x))
    # 115 rows from 35: the f32 ratio lands just below a whole number three times, and PyTorch reads the row before.
    column = torch.arange(35.0).reshape(1, 1, 35, 1)
    keep("upsample_ratio", x=last(column), y=last(F.interpolate(column, size=(115, 1), mode="nearest")))


for make in (linear, conv2d, norms, activations, attention, resize):
    make()
path = pathlib.Path(__file__).with_name("ops.safetensors")
save_file(out, path)
print(f"{path}: {len(out)} tensors, {path.stat().st_size} bytes")
