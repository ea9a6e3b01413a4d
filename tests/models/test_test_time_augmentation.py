"""Averaging of views; the run through `mim test --tta` is in test_mim.py."""

import math

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmirstd.models.segmentors.test_time_augmentation import IRSTDTTAModel, mean_probability


def sample(values: torch.Tensor, **metainfo) -> SegDataSample:
    result = SegDataSample(metainfo=metainfo)
    result.set_data({'seg_logits': PixelData(data=values)})
    return result


class Segmentor(nn.Module):
    def __init__(self, threshold: float | None = 0.5):
        super().__init__()
        self.decode_head = nn.Module()
        self.decode_head.threshold = threshold

    def test_step(self, data):
        raise NotImplementedError


def test_one_channel_probabilities_are_averaged_as_they_are():
    first = torch.tensor([[[0.0, 0.2], [0.9, 1.0]]])
    second = torch.tensor([[[0.0, 0.6], [0.3, 1.0]]])
    expected = torch.tensor([[[0.0, 0.4], [0.6, 1.0]]])
    torch.testing.assert_close(mean_probability([first, second]), expected)


def test_several_channels_are_softmaxed_once():
    logits = torch.randn(3, 4, 5)
    merged = mean_probability([logits, logits])
    torch.testing.assert_close(merged, logits.softmax(dim=0))
    torch.testing.assert_close(merged.sum(dim=0), torch.ones(4, 5))


def test_log_probabilities_of_two_channels_never_become_infinite():
    """Float32 probabilities are zero where the logits differ by more than 104."""
    near, far = torch.zeros(2, 1, 1), torch.zeros(2, 1, 1)
    near[1], far[1] = 200.0, 1e4
    model = IRSTDTTAModel(Segmentor(threshold=None))
    (merged,) = model.merge_preds([[sample(near), sample(far)]])
    log_background, log_target = merged.seg_logits.data.flatten().tolist()
    assert log_background == pytest.approx(-200 - math.log(2))
    assert log_target == pytest.approx(0, abs=1e-6)
    assert merged.pred_sem_seg.data.tolist() == [[[1]]]
    (merged,) = model.merge_preds([[sample(far), sample(far)]])
    assert merged.seg_logits.data.isfinite().all()


def test_identical_views_give_the_single_view_result():
    model = IRSTDTTAModel(Segmentor(threshold=0.5))
    values = torch.tensor([[[0.1, 0.49, 0.51, 0.9]]])
    (merged,) = model.merge_preds([[sample(values.clone()), sample(values.clone())]])
    torch.testing.assert_close(merged.seg_logits.data, values)
    assert merged.pred_sem_seg.data.tolist() == [[[0, 0, 1, 1]]]


def test_background_stays_background():
    """MMSegmentation's SegTTAModel returns sigmoid(0) = 0.5 and above here: all targets."""
    model = IRSTDTTAModel(Segmentor(threshold=0.3))
    (merged,) = model.merge_preds([[sample(torch.zeros(1, 4, 4)), sample(torch.zeros(1, 4, 4))]])
    assert merged.pred_sem_seg.data.sum() == 0


def test_the_heads_own_threshold_is_used():
    values = torch.full((1, 2, 2), 0.4)
    for threshold, expected in ((0.3, 4), (0.5, 0)):
        model = IRSTDTTAModel(Segmentor(threshold))
        (merged,) = model.merge_preds([[sample(values.clone())]])
        assert merged.pred_sem_seg.data.sum() == expected


def test_annotation_and_meta_come_from_the_first_view():
    first = sample(torch.zeros(1, 2, 2), img_path='a.png', flip=False)
    first.gt_sem_seg = PixelData(data=torch.ones(1, 2, 2))
    second = sample(torch.ones(1, 2, 2), img_path='a.png', flip=True)
    (merged,) = IRSTDTTAModel(Segmentor()).merge_preds([[first, second]])
    assert merged.metainfo['flip'] is False
    assert merged.gt_sem_seg.data.sum() == 4
    assert merged.seg_logits.data.unique().tolist() == [0.5]


@pytest.mark.parametrize(
    ('views', 'message'),
    [
        ([], 'at least one view'),
        ([torch.zeros(1, 2, 2), torch.zeros(1, 3, 2)], 'different shapes'),
        ([torch.full((1, 2, 2), -3.0)], 'apply the sigmoid once'),
    ],
)
def test_bad_views_are_refused(views, message):
    with pytest.raises(ValueError, match=message):
        mean_probability(views)


class Recorder(Segmentor):
    """Predicts the first channel of its input and keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def test_step(self, data):
        self.seen += [image[0] for image in data['inputs']]
        for image, sample in zip(data['inputs'], data['data_samples'], strict=True):
            values = image[:1]
            if sample.metainfo.get('flip'):  # as MMSegmentation flips back
                values = values.flip(-1)
            sample.set_data({'seg_logits': PixelData(data=values)})
        return data['data_samples']


def tta_batch(image):
    """What `TestTimeAug` and the collate function make of an image and its left-right view."""
    return {
        'inputs': [[image], [image.flip(-1)]],
        'data_samples': [
            [SegDataSample(metainfo={'flip': False})], [SegDataSample(metainfo={'flip': True})]
        ],
    }  # fmt: skip


def test_the_four_views_are_those_of_the_detector():
    from mmirstd.inference.frames.augmentation import VIEWS

    image = torch.rand(3, 5, 7)
    model = IRSTDTTAModel(Recorder())
    (merged,) = model.test_step(tta_batch(image))
    torch.testing.assert_close(merged.seg_logits.data, image[:1])  # each was turned back
    expected = {image[0].flip(axes).numpy().tobytes() for axes in VIEWS}
    assert {view.numpy().tobytes() for view in model.module.seen} == expected
    assert len(model.module.seen) == 4


def test_only_the_views_of_the_pipeline_if_asked():
    model = IRSTDTTAModel(Recorder(), upside_down=False)
    model.test_step(tta_batch(torch.rand(3, 5, 7)))
    assert len(model.module.seen) == 2
