from contextlib import nullcontext

import torch

from mmirstd.models.layers.precision import without_autocast


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
    with without_autocast('meta'):
        pass
