import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmirstd.models.decode_heads.edge_supervised_head import EdgeSupervisedHead
from mmirstd.models.decode_heads.irstd_head import IRSTDHead, stretch_probabilities
from mmirstd.models.decode_heads.side_fusion_head import SideFusionHead
from mmirstd.models.decode_heads.warm_up_head import WarmUpHead
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.feature_maps import crop_to_image, pad_to_multiple


def samples(label: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=each[None])) for each in label]


def padded_maps(*channels: int) -> FeatureMaps:
    """Maps of a 30 x 20 image padded to 32 x 32, halving from map to map, finest last."""
    torch.manual_seed(0)
    strides = [2**index for index in range(len(channels))][::-1]
    return FeatureMaps(
        [torch.randn(1, c, 32 // s, 32 // s) for c, s in zip(channels, strides, strict=True)],
        image_size=(30, 20),
        padded_size=(32, 32),
    )


def test_padding_repeats_the_border_and_cropping_undoes_it():
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    padded = pad_to_multiple(image, 4)
    assert padded.shape == (1, 1, 4, 4)
    assert padded[0, 0, 3].tolist() == [3, 4, 5, 5]
    assert torch.equal(crop_to_image(padded, (2, 3), (4, 4)), image)
    assert pad_to_multiple(padded, 4) is padded


def test_feature_maps_cover_the_image_rounded_up():
    maps = padded_maps(4, 3, 2)
    assert [tuple(each.shape[-2:]) for each in maps] == [(8, 5), (15, 10), (30, 20)]
    assert [tuple(each.shape[-2:]) for each in maps.padded] == [(8, 8), (16, 16), (32, 32)]


def test_head_has_no_unused_parameter_and_a_fair_threshold():
    head = IRSTDHead([4, 3, 2], 2)
    assert head.threshold == 0.5
    losses = head.loss(padded_maps(4, 3, 2), samples(torch.zeros(1, 30, 20).long()), {})
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_prediction_comes_first_and_alone_when_predicting(monkeypatch):
    head = IRSTDHead([4, 3, 2], 2).eval()
    maps = padded_maps(4, 3, 2)
    outputs = head(maps)
    assert [tuple(each.shape) for each in outputs] == [(1, 1, 30, 20)] * 3
    expected = head.conv_seg(maps.padded[-1])[..., :30, :20]
    torch.testing.assert_close(outputs[0], expected)

    def refuse(*_):
        raise AssertionError('side outputs computed for a prediction')

    monkeypatch.setattr(head, 'native_side_outputs', refuse)
    predicted = head.predict(maps, [{'img_shape': (30, 20)}], {})
    torch.testing.assert_close(predicted, expected)


def test_losses_are_weighted_and_sides_are_summed():
    maps = padded_maps(4, 3, 2)
    label = torch.zeros(1, 30, 20).long()
    label[0, 3, 3] = 1
    torch.manual_seed(1)
    plain = IRSTDHead([4, 3, 2], 2)
    torch.manual_seed(1)
    weighted = IRSTDHead([4, 3, 2], 2, output_weights=[0.5, 1.0, 0.0])
    full = plain.loss(maps, samples(label), {})
    part = weighted.loss(maps, samples(label), {})
    assert set(full) == {'loss_soft_iou', 'loss_soft_iou_side'}
    torch.testing.assert_close(part['loss_soft_iou'], 0.5 * full['loss_soft_iou'])
    first_side = plain.loss_decode[0](plain(maps)[1], label)
    torch.testing.assert_close(part['loss_soft_iou_side'], first_side)


def test_several_losses_keep_their_names():
    init_default_scope('mmseg')
    head = IRSTDHead(
        2,
        2,
        loss_decode=[
            {'type': 'CrossEntropyLoss', 'use_sigmoid': True, 'avg_non_ignore': True},
            {'type': 'mmirstd.SoftIoULoss', 'loss_weight': 2.0},
        ],
    )
    losses = head.loss(padded_maps(2), samples(torch.zeros(1, 30, 20).long()), {})
    assert set(losses) == {'loss_ce', 'loss_soft_iou'}


def test_head_on_a_stock_backbone():
    init_default_scope('mmseg')
    backbone = MODELS.build(
        {'type': 'ResNet', 'depth': 18, 'base_channels': 8, 'stem_channels': 8, 'num_stages': 4}
    )
    head = IRSTDHead([8, 16, 32, 64], 4, in_index=[3, 2, 1, 0], hidden_conv=True)
    with pytest.raises(ValueError, match='channels=4 must equal'):
        IRSTDHead([8, 16, 32, 64], 4)
    head = IRSTDHead([64, 32, 16, 8], 4, in_index=[3, 2, 1, 0], hidden_conv=True)
    maps = backbone(torch.randn(2, 3, 36, 40))
    losses = head.loss(maps, samples(torch.zeros(2, 36, 40).long()), {})
    assert all(torch.isfinite(value) for value in losses.values())
    assert head.predict(maps, [{'img_shape': (36, 40)}], {}).shape == (2, 1, 36, 40)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match='out_channels=2'):
        IRSTDHead(4, 4, out_channels=2)
    with pytest.raises(ValueError, match='2 entries, but the head has 3 outputs'):
        IRSTDHead([4, 3, 2], 2, output_weights=[1.0, 1.0])


def test_fused_sides_give_the_prediction():
    head = SideFusionHead([2, 3, 4], in_index=[2, 1, 0], fuse_kernel_size=3).eval()
    maps = padded_maps(4, 3, 2)
    prediction, *sides = head(maps)
    assert prediction.shape == (1, 1, 30, 20)
    assert [tuple(side.shape[-2:]) for side in sides] == [(30, 20)] * 3
    torch.testing.assert_close(head.predict(maps, [{'img_shape': (30, 20)}], {}), prediction)
    torch.testing.assert_close(sides[0], head.side_heads[0](maps.padded[-1])[..., :30, :20])


def test_native_sides_are_supervised_by_pooled_labels():
    head = SideFusionHead([2, 3, 4], in_index=[2, 1, 0], native_sides=True)
    maps = padded_maps(4, 3, 2)
    _, *sides = head(maps)
    assert [tuple(side.shape[-2:]) for side in sides] == [(30, 20), (15, 10), (8, 5)]
    label = torch.zeros(1, 30, 20, dtype=torch.long)
    label[0, 7, 7] = 1
    label[0, 6, 6] = 255
    label[0, 20, 2] = 255
    _, pooled = head.match_sizes(sides[1], label)
    assert pooled[0, 3, 3] == 1, 'a target pixel makes its cell a target'
    assert pooled[0, 10, 1] == 255, 'an unknown pixel makes a cell without target unknown'
    assert (pooled == 1).sum() == 1
    assert (pooled == 255).sum() == 1


def test_edges_of_the_backbone_are_supervised():
    init_default_scope('mmseg')
    maps = padded_maps(2)
    edge_logits = torch.randn(1, 1, 32, 32, requires_grad=True)
    maps.early_masks['edges'] = edge_logits
    head = EdgeSupervisedHead(2, 2, loss_edge={'type': 'mmirstd.EdgeLoss'})
    mask, edges = head(maps)
    assert mask.shape == edges.shape == (1, 1, 30, 20)
    losses = head.loss(maps, samples(torch.zeros(1, 30, 20).long()), {})
    assert set(losses) == {'loss_soft_iou', 'loss_edge'}
    losses['loss_edge'].backward()
    assert edge_logits.grad[..., :30, :20].any()
    assert head(tuple(maps)).shape == (1, 1, 30, 20), 'works after a backbone without edges'


def test_last_map_predicts_and_the_fusion_only_supervises(monkeypatch):
    head = SideFusionHead([3, 4, 2], in_index=[1, 0, 2], predict_fusion=False).eval()
    maps = padded_maps(4, 3, 2)
    prediction, *sides = head(maps)
    assert len(sides) == 3
    torch.testing.assert_close(prediction, head.side_heads[2](maps.padded[2])[..., :30, :20])
    monkeypatch.setattr(head, 'native_side_outputs', None)
    torch.testing.assert_close(head.predict(maps, [{'img_shape': (30, 20)}], {}), prediction)


def test_warm_up_uses_the_first_side_output_only(monkeypatch):
    init_default_scope('mmseg')
    head = WarmUpHead(
        [2, 3, 4],
        in_index=[2, 1, 0],
        native_sides=True,
        warm_up_epochs=2,
        loss_warm_up={'type': 'mmirstd.SoftIoULoss', 'loss_name': 'loss_warm_up'},
    )
    maps = padded_maps(4, 3, 2)
    label = torch.zeros(1, 30, 20, dtype=torch.long)
    fusion, plain, *_ = head(maps)
    metas = [{'img_shape': (30, 20)}]
    hub = MessageHub('warm_up_test')
    monkeypatch.setattr(MessageHub, 'get_current_instance', lambda: hub)
    for epoch, names, expected in (
        (None, {'loss_soft_iou', 'loss_soft_iou_side'}, fusion),
        (1, {'loss_warm_up'}, plain),
        (2, {'loss_soft_iou', 'loss_soft_iou_side'}, fusion),
    ):
        if epoch is not None:
            hub.update_info('epoch', epoch)
        losses = head.loss(maps, samples(label), {})
        assert set(losses) == names
        torch.testing.assert_close(head.predict(maps, metas, {}), expected)
        head.zero_grad()
        sum(losses.values()).backward()
        assert all(parameter.grad is not None for parameter in head.parameters())


def test_min_max_stretches_every_predicted_image():
    head = IRSTDHead(2, 2, min_max=True).eval()
    maps = padded_maps(2)
    probability = head(maps).sigmoid()
    predicted = head.predict(maps, [{'img_shape': (30, 20)}], {}).sigmoid()
    low, high = probability.min(), probability.max()
    expected = ((probability - low) / (high - low)).clamp(1e-6, 1 - 1e-6)
    torch.testing.assert_close(predicted, expected, atol=1e-5, rtol=1e-4)
    flat = stretch_probabilities(torch.zeros(1, 1, 2, 2))
    assert torch.isfinite(flat).all()
    half = stretch_probabilities(torch.tensor([[[[-3.0, 0.0], [1.0, 4.0]]]], dtype=torch.bfloat16))
    assert half.isfinite().all()
    assert half.sigmoid().flatten()[[0, 3]].tolist() == pytest.approx([1e-6, 1 - 1e-6], abs=1e-6)
