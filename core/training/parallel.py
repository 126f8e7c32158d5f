# SPDX-License-Identifier: GPL-3.0-or-later
"""One process or several (torchrun): each draws its own episodes, gradients are averaged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from ..errors import InputError


@dataclass(frozen=True)
class Crew:
    """The processes of a run.  ``rank`` 0 writes files and talks."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace the gradients by their mean over all processes."""
        if self.count > 1:
            self._average([it.grad for it in parameters if it.grad is not None])

    def average(self, values: list[float], device: torch.device) -> list[float]:
        """Means over all processes of some numbers, the same in all of them."""
        if self.count == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(tensor)
        return (tensor / self.count).tolist()

    def total(self, tensor: Tensor) -> Tensor:
        """Sum over all processes, in place."""
        if self.count > 1:
            distributed.all_reduce(tensor)
        return tensor

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the tensors of the first."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), 0)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says so; all get the same answer."""
        return flag if self.count == 1 else bool(self.average([float(flag)], device)[0] > 0)

    def _average(self, tensors: list[Tensor]) -> None:
        joined = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(joined)
        joined /= self.count
        parts = joined.split([tensor.numel() for tensor in tensors])
        torch._foreach_copy_(
            tensors, [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
        )


def choose_device(name: str) -> torch.device:
    """The device of this process: ``auto``, ``cpu`` or ``cuda`` (a GPU for each process of this machine)."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: this PyTorch sees no GPU; use --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


@contextmanager
def crew_of(device: torch.device) -> Iterator[Crew]:
    """The processes that torchrun started, or this one alone."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Crew()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Crew(distributed.get_rank(), distributed.get_world_size())
        # all leave together, and the last work of gloo's threads holds no tensor of Python's: one that is
        # freed there while the interpreter ends aborts the process
        distributed.barrier()
    finally:
        distributed.destroy_process_group()
