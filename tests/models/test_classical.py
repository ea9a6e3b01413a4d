"""The training-free detectors through MMSegmentation's registry."""

import numpy as np
import pytest
import torch
from model_tester import CONFIGS, build_model, labelled_samples

from mmirstd.inference.torch_detector import IRSTDInferencer
from mmirstd.models.backbones.classical import MaxMedian, TopHat


@pytest.mark.parametrize('name', ['tophat', 'mpcm', 'maxmedian'])
def test_a_spot_is_found_at_any_size(name):
    model = build_model(CONFIGS / 'classical' / f'{name}_nudt.py').eval()
    assert not list(model.parameters())
    assert not model.decode_head.state_dict()
    image = torch.zeros(2, 3, 41, 53)
    image[:, :, 20:23, 30:33] = 50.0
    image += torch.arange(53.0)  # a slope is background
    with torch.no_grad():
        first, second = model.predict(image)
    mask = first.pred_sem_seg.data[0]
    assert mask.shape == (41, 53)
    assert mask[21, 31] == 1
    assert mask.sum() <= 30
    assert torch.equal(first.seg_logits.data, second.seg_logits.data)
    assert first.seg_logits.data.max() == pytest.approx(1, abs=1e-5)


def test_a_flat_image_has_no_target():
    model = build_model(CONFIGS / 'classical' / 'tophat_nudt.py').eval()
    (sample,) = model.predict(torch.full((1, 3, 32, 32), 9.0))
    assert not sample.pred_sem_seg.data.any()


def test_there_is_nothing_to_train():
    model = build_model(CONFIGS / 'classical' / 'tophat_nudt.py')
    samples = labelled_samples(torch.zeros(1, 32, 32).long())
    with pytest.raises(RuntimeError, match='no weights to train'):
        model.loss(torch.zeros(1, 3, 32, 32), samples)


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match=r'size must be an odd.*got 8'):
        TopHat(size=8)
    with pytest.raises(ValueError, match=r"'mode'"):
        MaxMedian(statistic='mode')


def test_the_inferencer_takes_an_empty_checkpoint_only_where_nothing_is_missing(tmp_path):
    path = tmp_path / 'none.pth'
    torch.save({'state_dict': {}, 'meta': {}}, path)
    image = np.full((256, 256), 40, np.uint8)
    image[100:103, 60:63] = 200
    (result,) = IRSTDInferencer('tophat_nudt', path)(image)
    (target,) = result.targets
    assert (target.x, target.y, target.area) == (61, 101, 9)
    with pytest.raises(ValueError, match='missing'):
        IRSTDInferencer('common_acm_nudt', path)
