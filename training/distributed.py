"""More than one process for one run: each takes its part of every batch.

`torchrun` starts the processes and PyTorch's DistributedDataParallel averages their gradients. All
of them hold the same weights and draw the same random numbers, so the run is the one that a single
process would make, up to the rounding of sums.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.console import flush


@dataclass(frozen=True)
class Team:
    """The processes that train together: this one's number, and how many there are.

    Every method but `part` is a collective one: all processes must call it at the same step.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes what the run leaves."""
        return self.rank == 0

    def part(self, n: int) -> slice:
        """This process's rows of a batch of n; n is a multiple of `size`."""
        own = n // self.size
        return slice(self.rank * own, (self.rank + 1) * own)

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module`, whose gradients will be averaged over the team."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module, forward_sync_buffers=False)

    def total(self, values: Tensor) -> Tensor:
        """The sum of the processes' tensors, in a new tensor."""
        values = values.clone()
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flags: Sequence[bool]) -> list[bool]:
        """For each flag, whether some process raises it."""
        if self.size == 1:
            return list(flags)
        raised = torch.tensor(flags, dtype=torch.uint8)
        dist.all_reduce(raised, dist.ReduceOp.MAX)
        return [bool(flag) for flag in raised]

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.size > 1:
            self.any([False])

    def broadcast(self, value: float | None) -> float | None:
        """The leader's number, which may be None."""
        if self.size == 1:
            return value
        sent = torch.tensor([float("nan") if value is None else value], dtype=torch.float64)
        dist.broadcast(sent, 0)
        number = float(sent)
        return None if number != number else number


def in_team() -> bool:
    """Whether `torchrun` started this process together with others."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def is_leader() -> bool:
    """Whether this process is the only one, or the first of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


def join(device: torch.device) -> tuple[Team, torch.device]:
    """Meet the other processes of `torchrun`; the team, and this process's own device.

    CPU tensors travel by gloo, those on GPUs by nccl.

    Raises:
        ValueError: for a device that processes cannot share the work on.
    """
    if not in_team():
        return Team(), device
    backend = "gloo"
    if device.type == "cuda":
        local, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= there:
            raise ValueError(
                f"This machine has {there} GPUs, and torchrun started at least {local + 1} "
                "processes on it; start one a GPU with --nproc-per-node."
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    elif device.type != "cpu":
        raise ValueError(
            f"Several processes cannot train on {device.type}; name cpu or cuda with --device."
        )
    dist.init_process_group(backend)
    return Team(dist.get_rank(), dist.get_world_size()), device


def exit_process(code: int) -> NoReturn:
    """End this process of a team with an exit code, at once.

    gloo's threads do not always outlive the interpreter's own end: now and then they abort a
    process that had done all its work.
    """
    flush()
    os._exit(code)
