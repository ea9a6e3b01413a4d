import pytest
import torch

from mmirstd.models.losses.soft_iou import SoftIoULoss, soft_iou_loss, valid_probabilities


def logits_of(label: torch.Tensor, confidence: float) -> torch.Tensor:
    return (confidence * (2.0 * label - 1))[:, None]


@pytest.fixture
def label() -> torch.Tensor:
    label = torch.zeros(2, 8, 8, dtype=torch.long)
    label[0, 2:4, 2:4] = 1
    label[1, 5, 5] = 1
    return label


def test_hand_computed_over_the_batch_and_per_image():
    probability = torch.tensor([[[0.5, 0.5]], [[1.0, 0.0]]])
    target = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]])
    # Batch: intersection 1.5, union 2 + 2 - 1.5 = 2.5.
    assert soft_iou_loss(probability, target, smooth=0.0).item() == pytest.approx(1 - 1.5 / 2.5)
    assert soft_iou_loss(probability, target, smooth=1.0).item() == pytest.approx(1 - 2.5 / 3.5)
    # Images: 0.5 / 1.5 and 1 / 1.
    expected = ((1 - 0.5 / 1.5) + 0) / 2
    per_image = soft_iou_loss(probability, target, smooth=0.0, per_image=True)
    assert per_image.item() == pytest.approx(expected)


@pytest.mark.parametrize('per_image', [False, True])
@pytest.mark.parametrize('smooth', [0.0, 1.0])
def test_perfect_is_better_than_unsure_is_better_than_inverted(label, smooth, per_image):
    loss = SoftIoULoss(smooth=smooth, per_image=per_image)
    perfect, unsure, inverted = (
        loss(logits_of(label, confidence), label).item() for confidence in (20.0, 0.0, -20.0)
    )
    assert perfect == pytest.approx(0, abs=1e-5)
    assert perfect < unsure < inverted


def test_gradient_is_correct(label):
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 8, 8, dtype=torch.double, requires_grad=True)
    loss = SoftIoULoss(smooth=1.0, per_image=True)
    assert torch.autograd.gradcheck(lambda x: loss(x, label), logits)


@pytest.mark.parametrize('smooth', [0.0, 1.0])
def test_empty_target_and_unknown_image_stay_finite(smooth):
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    loss = SoftIoULoss(smooth=smooth, per_image=True)
    empty = loss(logits, torch.zeros(1, 4, 4, dtype=torch.long))
    empty.backward()
    assert 0 < empty.item() <= 1
    assert torch.isfinite(logits.grad).all()
    unknown = loss(logits, torch.full((1, 4, 4), 255))
    assert unknown.item() == 0
    logits.grad = None
    unknown.backward()
    assert not logits.grad.any()


def test_unknown_pixels_do_not_count(label):
    logits = torch.randn(2, 1, 8, 8)
    changed = logits.clone()
    label[:, 0] = 255
    changed[:, :, 0] += 5
    loss = SoftIoULoss()
    assert loss(logits, label).item() == pytest.approx(loss(changed, label).item())


def test_wrong_labels_and_sizes_are_refused():
    logits = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match='from 0 to 7'):
        valid_probabilities(logits, torch.tensor([[[0, 1], [7, 0]]]))
    with pytest.raises(ValueError, match=r'\(1, 2, 2\).*\(1, 3, 3\)'):
        valid_probabilities(logits, torch.zeros(1, 3, 3, dtype=torch.long))


def test_half_precision_does_not_overflow():
    logits = torch.full((1, 1, 512, 512), 5.0, dtype=torch.float16)
    loss = SoftIoULoss()(logits, torch.ones(1, 512, 512, dtype=torch.long))
    assert loss.item() == pytest.approx(1 - torch.tensor(5.0).sigmoid().item(), abs=1e-3)
