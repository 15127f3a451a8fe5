"""Several processes that act as one: whose rows are mine, sums and gathers with gradients.

The global batch is the setting everywhere; a process computes its own contiguous rows of it.
Every random draw is made for the whole batch on every process and then cut, so that a run's
numbers do not depend on how many processes it is spread over.
"""

import gc

import torch
import torch.distributed as dist
from torch import Tensor

from lookalike.errors import UserError


def world_size() -> int:
    """The number of processes that train together; 1 when not distributed."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def my_rows(total: int) -> slice:
    """The rows of a global batch of `total` that this process computes.

    Raises UserError where the processes can't share it equally: rows would be lost.
    """
    each, rest = divmod(total, world_size())
    if rest:
        raise UserError(
            f"{world_size()} devices can't share a batch of {total} equally: choose a multiple of "
            f"{world_size()}."
        )
    return slice(rank() * each, (rank() + 1) * each)


def sum_over_processes(x: Tensor) -> Tensor:
    """The sum of `x` over all processes; gradients flow back to every process's own `x`."""
    if world_size() == 1:
        return x
    from torch.distributed.nn.functional import all_reduce

    return all_reduce(x)  # type: ignore[no-untyped-call]


def gather_rows(x: Tensor) -> Tensor:
    """The global batch of `x`, rows in the global order, with gradients: b×… → (b·processes)×…"""
    if world_size() == 1:
        return x
    from torch.distributed.nn.functional import all_gather

    return torch.cat(tuple(all_gather(x.contiguous())))  # type: ignore[no-untyped-call]


def leave() -> None:
    """Ends this process's communication once every other process has come here too.

    A process that left earlier would take the others' last messages with it, and Gloo ends a
    process that is left behind.
    """
    if dist.is_available() and dist.is_initialized():
        gc.collect()  # a graph in a reference cycle keeps the group, and its threads, alive
        dist.barrier()
        dist.destroy_process_group()


def mean_over_processes(x: Tensor) -> Tensor:
    """The mean of `x` over all processes, without gradients."""
    if world_size() == 1:
        return x
    x = x.detach().clone()
    dist.all_reduce(x)
    return x / world_size()


def wait() -> None:
    """Returns when every process has come here."""
    if world_size() > 1:
        dist.barrier()
