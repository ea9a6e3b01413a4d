"""The head of RPCANet: no weights, targets and rebuilt image supervised."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmirstd.models.backbones import RPCANet
from mmirstd.models.decode_heads import DecompositionHead, FrequencyGatedHead
from mmirstd.models.losses import SoftIoULoss


def samples(labels):
    return [
        SegDataSample(gt_sem_seg=PixelData(data=label[None]), metainfo={'img_shape': label.shape})
        for label in labels
    ]


def test_losses_are_those_of_the_paper():
    torch.manual_seed(0)
    backbone, head = RPCANet(3, stages=2).eval(), DecompositionHead()
    image = torch.rand(2, 3, 20, 24)
    labels = torch.zeros(2, 20, 24, dtype=torch.long)
    labels[:, 5:8, 5:8] = 1
    features = backbone(image)
    losses = head.loss(features, samples(labels), {})
    last = backbone.decompose(image)[-1]
    torch.testing.assert_close(head(features), last.target)
    error = (last.image - image.mean(dim=1, keepdim=True)).square().mean()
    torch.testing.assert_close(losses['loss_rebuild'], 0.01 * error)
    torch.testing.assert_close(losses['loss_soft_iou'], SoftIoULoss()(last.target, labels))
    assert not list(head.parameters())


def test_other_backbones_are_refused_with_the_way_out():
    head = DecompositionHead()
    with pytest.raises(ValueError, match=r'\(1, 8, 4, 4\); use mmirstd\.IRSTDHead'):
        head([torch.zeros(1, 8, 4, 4)])
    with pytest.raises(ValueError, match=r'received 1 map; use mmirstd\.IRSTDHead'):
        head.loss([torch.zeros(1, 1, 4, 4)], samples(torch.zeros(1, 4, 4).long()), {})


def test_the_frequency_gate_says_which_map_it_misses():
    head = FrequencyGatedHead([4, 8], energy_ratios=[0.1, 0.2], loss_warm_up=SOFT_IOU)
    maps = [torch.zeros(1, 4, 16, 16), torch.zeros(1, 8, 8, 8)]
    with pytest.raises(ValueError, match=r'\(N, 1, 16, 16\) at detail_index=0.*\(1, 4, 16, 16\)'):
        head(maps)
    with pytest.raises(ValueError, match='one entry for each of the 2 side outputs'):
        FrequencyGatedHead([4, 8], loss_warm_up=SOFT_IOU)


SOFT_IOU = {'type': 'mmirstd.SoftIoULoss'}
