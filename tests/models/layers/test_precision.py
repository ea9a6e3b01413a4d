from contextlib import nullcontext

import pytest
import torch

from mmirstd.models.layers.precision import autocast_is_on, without_autocast


def test_autocast_is_left_and_taken_up_again():
    a = torch.ones(2, 2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        with without_autocast('cpu'):
            assert (a @ a).dtype == torch.float32
        assert (a @ a).dtype == torch.bfloat16


def test_where_autocast_is_off_nothing_is_left_for_an_exporter_to_see():
    assert isinstance(without_autocast('cpu'), nullcontext)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=False):
        assert isinstance(without_autocast('cpu'), nullcontext)


def test_tensors_without_values_have_no_autocast_to_leave():
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert isinstance(without_autocast('meta'), nullcontext)
        assert not isinstance(without_autocast('cpu'), nullcontext)


def test_before_torch_2_4_there_was_a_question_per_device(monkeypatch):
    def cuda_only() -> bool:
        return False

    monkeypatch.setattr(torch, 'is_autocast_enabled', cuda_only)
    monkeypatch.setattr(torch, 'is_autocast_cpu_enabled', lambda: True, raising=False)
    assert autocast_is_on('cpu')
    assert not autocast_is_on('cuda')


@pytest.mark.parametrize('enabled', [True, False])
def test_asking_for_autocast(enabled):
    assert not autocast_is_on('cpu')
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=enabled):
        assert autocast_is_on('cpu') == enabled
