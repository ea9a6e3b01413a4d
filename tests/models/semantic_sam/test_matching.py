import numpy as np
import pytest
import torch
from reference import Reference
from scipy.optimize import linear_sum_assignment
from torchvision.ops import box_convert, generalized_box_iou

from mmirstd.models.losses.point_mask import sample_points
from mmirstd.models.semantic_sam import SemanticSAMOutput, layer_losses, match
from mmirstd.models.semantic_sam.boxes import generalized_iou, mask_boxes
from mmirstd.models.semantic_sam.criterion import box_l1, giou_loss, iou_loss, pair_losses
from mmirstd.models.semantic_sam.matching import assign, assignment_costs

K = 6


@pytest.fixture(scope='module')
def fixture():
    return Reference('semantic_sam_swint')


def targets_of(reference):
    """Masks, boxes and targets of the fixture's only image."""
    targets = torch.full((3, 3), -1)
    for prompt, masks in enumerate(reference.meta['mask_levels']):
        targets[prompt, : len(masks)] = torch.tensor(masks)
    return [reference.given('match_gt_masks')], [reference.given('match_gt_boxes')], [targets]


def output_of(reference, case):
    masks = reference.given('pred_masks').unflatten(1, (3, K))
    boxes = reference.given('pred_boxes' if case == 'match' else 'matchb_pred_boxes')
    return SemanticSAMOutput(
        masks, reference.given('pred_ious'), boxes.unflatten(1, (3, K)), auxiliary=[]
    )


@pytest.mark.parametrize('case', ['match', 'matchb'])
def test_costs_of_the_original(fixture, case):
    (masks,), (boxes,), (targets,) = targets_of(fixture)
    output = output_of(fixture, case)
    points = fixture.given('match_points')
    labels = sample_points(masks[None].float(), points)[0][targets.clamp(min=0)]
    logits = sample_points(output.masks.flatten(1, 2), points).view(3, K, -1)
    costs = assignment_costs(logits, labels, output.boxes[0], boxes[targets.clamp(min=0)])
    expected = fixture.given(f'{case}_cost')
    start = 0
    for prompt, count in enumerate(fixture.given('match_targets_per_prompt').tolist()):
        rows = slice(prompt * K, prompt * K + K)
        own = expected[rows, start : start + count]
        torch.testing.assert_close(costs[prompt, :, :count], own, atol=2e-5, rtol=1e-5)
        others = expected[rows].clone()
        others[:, start : start + count] = 1e6
        assert (others == 1e6).all()
        start += count


@pytest.mark.parametrize('case', ['match', 'matchb'])
def test_matches_of_the_original(fixture, case):
    masks, boxes, targets = targets_of(fixture)
    points = fixture.given('match_points')[0]
    found = match(output_of(fixture, case), masks, targets, boxes=boxes, points=points)
    queries = found.prompts * K + found.granularities
    assert queries.tolist() == fixture.outputs[f'{case}_query_index'].tolist()
    concatenated = fixture.given('match_target_mask_index')
    expected = concatenated[fixture.given(f'{case}_target_index')]
    assert found.masks.tolist() == expected.tolist()
    assert found.images.tolist() == [0] * len(expected)
    kept = found.chosen((1, 3, K))
    assert kept.sum() == len(expected)
    assert kept[0].flatten()[queries].all()


def test_boxes_from_masks_are_those_of_the_fixture(fixture):
    (masks,), (boxes,), _ = targets_of(fixture)
    torch.testing.assert_close(mask_boxes(masks), boxes)


@pytest.mark.parametrize('case', ['match', 'matchb'])
def test_losses_of_the_original(fixture, case):
    masks, boxes, targets = targets_of(fixture)
    points = fixture.given('match_points')[0]
    output = output_of(fixture, case)
    matches = match(output, masks, targets, boxes=boxes, points=points)
    found = pair_losses(output, matches, masks, boxes, points=points)
    for name, part in (('mask_bce', 'bce'), ('mask_dice', 'dice')):
        expected = fixture.given(f'{case}_pair_{part}')
        torch.testing.assert_close(found[name], expected, atol=1e-5, rtol=1e-5)
    order = fixture.meta['loss_order']
    sums = torch.stack([found[name].sum() / 6 for name in order])
    torch.testing.assert_close(sums, fixture.given(f'{case}_losses'), atol=1e-5, rtol=1e-5)


def test_losses_of_earlier_layers(semantic_sam):
    reference, model = semantic_sam
    masks, boxes, targets = targets_of(reference)
    points = reference.given('match_points')[0]
    with torch.no_grad():
        output = model(
            reference.input('image'),
            reference.given('prompt_boxes')[None],
            reference.given('prompt_pb')[None],
        )
    matches = match(output, masks, targets, boxes=boxes, points=points)
    found = layer_losses(output, matches, masks, boxes, points=points)
    factors = {'mask_bce': 5, 'mask_dice': 5, 'bbox_l1': 5, 'giou': 2, 'iou_score': 1}
    expected = torch.cat(
        [reference.given('match_losses_aux'), reference.given('match_losses')[None]]
    )
    for layer, row in zip([*(f'd{i}.' for i in range(8)), ''], expected, strict=True):
        for name, value in zip(reference.meta['loss_order'], row, strict=True):
            got = found[f'{layer}loss_{name}'] / factors[name]
            torch.testing.assert_close(got, value, atol=1e-4, rtol=1e-4)
    assert len(found) == 9 * 5


def random_problem(seed, b=2, n=4, m=5):
    generator = torch.Generator().manual_seed(seed)
    masks = [
        torch.nn.functional.interpolate(
            torch.rand(1, m, 4, 4, generator=generator).round(), size=(32, 32)
        )[0]
        for _ in range(b)
    ]
    for each in masks:
        each[:, 0, 0] = 1  # none is empty
    targets = []
    for _ in range(b):
        rows = torch.full((n, m), -1)
        for row in rows:
            count = int(torch.randint(1, m + 1, (1,), generator=generator))
            row[:count] = torch.randperm(m, generator=generator)[:count]
        targets.append(rows)
    output = SemanticSAMOutput(
        masks=3 * torch.randn(b, n, K, 8, 8, generator=generator),
        ious=torch.rand(b, n, K, generator=generator),
        boxes=0.2 + 0.6 * torch.rand(b, n, K, 4, generator=generator),
        auxiliary=[],
    )
    return output, masks, targets


@pytest.mark.parametrize('seed', range(8))
def test_one_problem_per_prompt_equals_the_masked_global_problem(seed):
    output, masks, targets = random_problem(seed)
    points = torch.rand(200, 2, generator=torch.Generator().manual_seed(seed))
    found = match(output, masks, targets, points=points)
    expected = []
    for image in range(2):
        boxes = mask_boxes(masks[image])
        rows = [(n, mask) for n in range(4) for mask in targets[image][n].tolist() if mask >= 0]
        wanted = torch.tensor([mask for _, mask in rows])
        logits = sample_points(output.masks[image].flatten(0, 1)[None], points[None])
        labels = sample_points(masks[image][None], points[None])[0, wanted]
        costs = assignment_costs(
            logits, labels[None], output.boxes[image].flatten(0, 1)[None], boxes[wanted][None]
        )[0]
        own = torch.arange(4 * K)[:, None] // K == torch.tensor([n for n, _ in rows])
        costs[~own] = 1e6
        for query, column in zip(*linear_sum_assignment(costs.numpy()), strict=True):
            expected.append((image, query // K, query % K, rows[column][1]))
    assert list(zip(*(each.tolist() for each in found), strict=True)) == expected
    assert len(expected) == sum((each >= 0).sum() for each in targets)


def test_more_targets_than_granularities_leave_some_out():
    costs = torch.rand(1, 2, 5, generator=torch.Generator().manual_seed(0))
    prompts, granularities, columns = assign(costs, torch.ones(1, 5, dtype=torch.bool))
    assert prompts.tolist() == [0, 0]
    assert granularities.tolist() == [0, 1]
    assert len(set(columns.tolist())) == 2


def test_a_prompt_without_targets_is_left_out():
    output, masks, targets = random_problem(0)
    targets[0][1] = -1
    found = match(output, masks, targets, num_points=50)
    assert not ((found.images == 0) & (found.prompts == 1)).any()
    for each in targets:
        each[:] = -1
    found = match(output, masks, targets, num_points=50)
    assert len(found.images) == 0
    predictions = output._replace(masks=output.masks.requires_grad_())
    losses = layer_losses(predictions, found, masks, [mask_boxes(each) for each in masks])
    assert {value.item() for value in losses.values()} == {0.0}
    sum(losses.values()).backward()


def test_costs_by_hand():
    """One prompt, two points, logit 0 everywhere: p = 0.5, BCE = log 2."""
    labels = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]])
    box = torch.tensor([[[0.5, 0.5, 0.2, 0.2]]])
    other = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.4, 0.2]]])
    found = assignment_costs(torch.zeros(1, 1, 2), labels, box, other)[0, 0]
    bce = 5 * np.log(2)
    first = bce + 5 * (1 - (2 * 0.5 + 1) / (1 + 1 + 1)) + 0 - 2 * 1
    second = bce + 5 * (1 - (2 * 1 + 1) / (1 + 2 + 1)) + 5 * 0.2 - 2 * 0.5
    np.testing.assert_allclose(found.numpy(), [first, second], rtol=1e-4)


def test_giou_is_that_of_torchvision_for_large_boxes_but_keeps_tiny_ones_finite():
    generator = torch.Generator().manual_seed(0)
    a, b = 0.3 + 0.4 * torch.rand(2, 7, 4, generator=generator)
    expected = generalized_box_iou(
        box_convert(a, 'cxcywh', 'xyxy'), box_convert(b, 'cxcywh', 'xyxy')
    )
    torch.testing.assert_close(generalized_iou(a[:, None], b[None]), expected, atol=1e-4, rtol=1e-4)
    nothing = torch.zeros(1, 4, requires_grad=True)
    generalized_iou(nothing, nothing).sum().backward()
    assert torch.isfinite(nothing.grad).all()


def test_single_losses_by_hand_and_their_gradients():
    a = torch.tensor([[0.5, 0.5, 0.2, 0.2]], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([[0.6, 0.5, 0.2, 0.4]], dtype=torch.float64)
    assert box_l1(a, b).item() == pytest.approx(0.3)
    # Overlap 0.1 x 0.2, union 0.04 + 0.08 - 0.02, hull 0.3 x 0.4.
    assert giou_loss(a, b).item() == pytest.approx(1 - (0.2 - 0.02 / 0.12), abs=1e-4)
    assert box_l1(a, a).item() == 0
    assert giou_loss(a, a).item() == pytest.approx(0, abs=1e-4)
    predicted = torch.tensor([0.7, 0.2], dtype=torch.float64, requires_grad=True)
    missed = torch.tensor([0.4, 0.8], dtype=torch.float64, requires_grad=True)
    assert iou_loss(predicted, missed).tolist() == pytest.approx([0.01, 0.0])
    assert torch.autograd.gradcheck(box_l1, (a, b))
    assert torch.autograd.gradcheck(giou_loss, (a, b))
    assert torch.autograd.gradcheck(iou_loss, (predicted, missed))


def test_unusable_targets_are_named():
    output, masks, targets = random_problem(0)
    with pytest.raises(ValueError, match=r'2 images with 4 prompts.*1 image'):
        match(output, masks[:1], targets)
    with pytest.raises(ValueError, match='image 1 name mask 5 of 5'):
        match(output, masks, [targets[0], torch.full((4, 1), 5)])
    with pytest.raises(ValueError, match='image 0 reach 255'):
        match(output, [255 * masks[0], masks[1]], targets)
    with pytest.raises(ValueError, match='image 0 has no mask'):
        match(output, [masks[0][:0], masks[1]], [torch.full((4, 1), -1), targets[1]])
    with pytest.raises(ValueError, match=r'\[2\] are empty'):
        mask_boxes(torch.tensor([1.0, 1.0, 0.0])[:, None, None].expand(3, 2, 2))
    with pytest.raises(ValueError, match='not finite'):
        match(output._replace(masks=output.masks * torch.nan), masks, targets)
