"""Two processes give the numbers of one: batch norm, its gradients, dropout."""

import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from helpers.processes import call_in_process
from torch import Tensor

from lookalike import parallel
from lookalike.nets import BatchNorm2d, Dropout, batch_statistics, set_bn_group

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}


def compute(dtype: torch.dtype) -> dict[str, Tensor]:
    """A training step on this process's rows of a batch of 6, and what came of it."""
    generator = torch.Generator().manual_seed(0)
    # Far from 0 beside its spread, and different in the two halves: E[x²] − E[x]² fails here.
    far = 4 if dtype == torch.bfloat16 else 1000
    x = torch.randn(6, 4, 5, 3, generator=generator, dtype=torch.float64) + far
    x[3:] += 1
    goal = torch.randn(6, 4, 5, 3, generator=generator, dtype=torch.float64)
    rows = parallel.my_rows(6)
    own = x[rows].to(dtype).requires_grad_()
    layer = BatchNorm2d(4)
    if dtype == torch.float64:
        layer.double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, 0.5, -1.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, -1.0, 3.0]))
    y = layer(own)
    assert y.dtype == dtype
    (y.double() * goal[rows]).sum().backward()
    assert own.grad is not None
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    found = {
        "y": parallel.gather_rows(y.detach()),
        "x.grad": parallel.gather_rows(own.grad),
        "weight.grad": parallel.sum_over_processes(layer.weight.grad),
        "bias.grad": parallel.sum_over_processes(layer.bias.grad),
    }
    found |= {k: v.clone() for k, v in layer.state_dict().items()}
    with batch_statistics(layer.eval()), torch.no_grad():
        found["untracked"] = parallel.gather_rows(layer(own))
    assert layer.num_batches_tracked == 1
    groups = BatchNorm2d(4).to(dtype if dtype == torch.float64 else torch.float32)
    set_bn_group(groups, 3)
    found["groups"] = parallel.gather_rows(groups(own.detach()))
    found |= {f"groups.{k}": v.clone() for k, v in groups.state_dict().items()}
    torch.manual_seed(7)
    found["dropout"] = parallel.gather_rows(Dropout(0.3)(x[rows]))
    found["next draw"] = torch.rand(3)
    return found


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    found = {name: compute(dtype) for name, dtype in DTYPES.items()}
    torch.save(found, os.path.join(folder, f"{rank}.pt"))
    parallel.leave()
    # Gloo's threads may still abort a process while Python takes itself apart; what this test asks
    # for is written by then.
    os._exit(0)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Tensor]]]:
    folder: Path = tmp_path_factory.mktemp("processes")
    mp.spawn(call_in_process, (__file__, "work", str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_processes_are_one(dtype: str, two: list[dict[str, dict[str, Tensor]]]) -> None:
    one = compute(DTYPES[dtype])
    tolerance = {"float32": 1e-3, "float64": 1e-9, "bfloat16": 3e-2}[dtype]
    for rank in (0, 1):
        for key, value in one.items():
            torch.testing.assert_close(
                two[rank][dtype][key], value, rtol=tolerance, atol=tolerance, msg=f"{rank} {key}"
            )
    assert torch.equal(two[0][dtype]["dropout"], one["dropout"])
    assert torch.equal(two[1][dtype]["next draw"], one["next draw"])
