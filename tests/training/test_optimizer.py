"""Which optimizer steps what: AdamW, and Muon for matrices that begin at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autogpt.errors import InputError
from autogpt.training.muon import Muon
from autogpt.training.optimizer import make_optimizer, set_learning_rate


def group(*shapes: tuple[int, ...], **more: object) -> dict[str, object]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    for one in made:
        one.grad = torch.randn(one.shape, generator=generator)
    return {"params": made, **more}


def test_a_step_of_a_matrix_turns_its_gradient_to_equal_strength_in_all_directions() -> None:
    told = group((6, 4), matrices=True)
    (matrix,) = told["params"]
    before = matrix.detach().clone()
    make_optimizer([told], learning_rate=0.1, weight_decay=0.0).step()
    strength = np.linalg.svd((before - matrix).detach().numpy(), compute_uv=False) / (0.1 * 0.2 * np.sqrt(6))
    assert np.all((strength > 0.6) & (strength < 1.3))  # Newton and Schulz come near 1 in five rounds, not nearer


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon since 2.9")
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_in_the_format_of_torchs_muon_the_numbers_are_torchs(shape: tuple[int, int]) -> None:
    ours, theirs = group(shape), group(shape)
    own = Muon([{**ours, "weight_decay": 0.1}], lr=0.02, dtype=torch.bfloat16)
    other = torch.optim.Muon(theirs["params"], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        own.step()
        other.step()
    torch.testing.assert_close(ours["params"][0], theirs["params"][0], rtol=0, atol=2e-3)


def test_vectors_of_such_a_group_and_other_groups_are_stepped_as_ever() -> None:
    mixed, plain = group((5, 3), (3,), matrices=True), group((5, 3), (3,))
    others = [group((4, 4)), group((4, 4))]
    make_optimizer([mixed, others[0]], learning_rate=0.1, weight_decay=0.01).step()
    make_optimizer([plain, others[1]], learning_rate=0.1, weight_decay=0.01).step()
    assert not torch.equal(mixed["params"][0], plain["params"][0])
    assert torch.equal(mixed["params"][1], plain["params"][1])
    assert torch.equal(others[0]["params"][0], others[1]["params"][0])


def test_the_rate_reaches_both_and_their_state_is_one() -> None:
    told = group((5, 3), (3,), matrices=True)
    optimizer = make_optimizer([told], learning_rate=0.1, weight_decay=0.0)
    set_learning_rate(optimizer, 0.0)
    before = [p.detach().clone() for p in told["params"]]
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, told["params"], strict=True))
    assert set(optimizer.state) == set(told["params"])
    optimizer.zero_grad()
    assert all(p.grad is None for p in told["params"])


def test_nothing_to_train_is_said() -> None:
    frozen = group((2, 2))
    frozen["params"][0].requires_grad_(False)
    with pytest.raises(InputError, match="every parameter"):
        make_optimizer([frozen], learning_rate=0.1, weight_decay=0.0)
