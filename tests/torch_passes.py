"""The softmax in PyTorch: right, and with the other sign."""

from __future__ import annotations

from typing import Any

import torch


class TorchSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, beta: Any) -> Any:
        y = torch.softmax(-beta * x, 0)
        ctx.save_for_backward(x, beta, y)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        x, beta, y = ctx.saved_tensors
        c = (dy * y).sum()
        return beta * y * (c - dy), c * (x * y).sum() - (dy * x * y).sum()


class TorchSoftmaxOfTheOtherSign(TorchSoftmax):
    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        dx, dbeta = TorchSoftmax.backward(ctx, dy)
        return -dx, dbeta


def torch_forward(x: Any, beta: Any) -> Any:
    return torch.softmax(-beta * x, 0)
