import numpy as np
import pytest

from mmirstd.datasets import transforms
from mmirstd.datasets.transforms.steps import check_mask_pad, check_probability, check_size

REQUIRED = {
    'CachedSteps': {'steps': []},
    'PadToSize': {'size': 8},
    'RandomPatch': {'size': 8},
    'RandomScaleCropPad': {'size': 8},
    'RandomTargetCrop': {'size': 8},
    'ResizeToSquare': {'size': 8},
}


@pytest.mark.parametrize('name', transforms.__all__)
def test_the_text_of_a_step_builds_it_again(name):
    step = getattr(transforms, name)(**REQUIRED.get(name, {}))
    if name == 'CachedSteps':
        assert repr(step).endswith('max_gib=4.0)')
    else:
        again = eval(repr(step), vars(transforms))
        assert repr(again) == repr(step)
        assert vars(again).keys() == vars(step).keys()


def test_impossible_arguments_are_named():
    with pytest.raises(ValueError, match=r'target_prob must be in \[0, 1\], got 1\.5'):
        check_probability(1.5, 'target_prob')
    with pytest.raises(ValueError, match=r'size must be a positive number of pixels, got 8\.0'):
        check_size(8.0)
    with pytest.raises(ValueError, match=r'mask_pad must be 0 .* got 7'):
        check_mask_pad(7)


def test_resizing_leaves_other_label_maps_alone():
    sample = {'img': np.zeros((4, 8), np.uint8), 'gt_seg_map': np.ones((4, 8), np.uint8)}
    sample['seg_fields'] = ['gt_seg_map']
    native = transforms.ResizeToSquare(2, evaluate_at='native')(dict(sample))
    assert native['img'].shape == (2, 2)
    assert native['gt_seg_map'].shape == (4, 8)
    assert native['scale_factor'] == (0.25, 0.5)
    assert 'ori_shape' not in native
    resized = transforms.ResizeToSquare(2)(dict(sample))
    assert resized['gt_seg_map'].shape == resized['ori_shape'] == (2, 2)
