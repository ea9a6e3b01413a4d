"""The student under the teacher's decoder: what trains, what is saved, what is asked."""

import copy

import pytest
import torch
from mmengine.dataset import pseudo_collate
from tiny import PROMPTS, SEMANTIC_SAM, SIZE, STUDENT, build
from torch import nn

from mmirstd.distillation.prompted import load_semantic_sam, soft_mask_boxes
from mmirstd.distillation.student import valid_cells


def batch(images: int = 2, size: tuple[int, int] = (SIZE, SIZE)) -> dict:
    """Raw samples: a square inside of a larger one, clicked at its centre."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(2, *size, dtype=torch.uint8)
    masks[0, 4:20, 4:20] = masks[1, 8:16, 8:16] = 255
    samples = [
        {
            'inputs': torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8),
            'data_samples': {
                'boxes': torch.tensor([[0.375, 0.375, 0.1, 0.1]]).expand(PROMPTS, -1),
                'kinds': torch.zeros(PROMPTS, dtype=torch.long),
                'targets': torch.tensor([[0, 1, -1, -1, -1, -1]]).expand(PROMPTS, -1),
                'masks': masks,
                'valid': torch.tensor(size),
                'key': index,
                'replaced': '',
            },
        }
        for index in range(images)
    ]
    return pseudo_collate(samples)


@pytest.fixture
def teacher():
    model = build(SEMANTIC_SAM)
    model.requires_grad_(False)
    model.eval()
    return model


@pytest.fixture
def student(teacher):
    model = build(STUDENT)
    model.take_decoder(teacher)
    return model


def answers(teacher, data: dict):
    prepared = build({'type': 'mmirstd.PromptDataPreprocessor'})(copy.deepcopy(data))
    samples = prepared['data_samples']
    return teacher(prepared['inputs'], samples['boxes'], samples['kinds'], auxiliary=False)


def losses_of(student, teacher, data: dict) -> dict:
    prepared = student.data_preprocessor({**data, 'teacher': answers(teacher, data)}, True)
    return student(**prepared, mode='loss')


def test_gradients_reach_the_whole_student_and_nothing_of_the_teacher(student, teacher):
    losses = losses_of(student, teacher, batch())
    assert losses.keys() == {'loss_bce', 'loss_dice', 'loss_kl', 'loss_cd'}
    sum(losses.values()).backward()
    without = [name for name, p in student.named_parameters() if p.grad is None]
    assert without == []
    assert all(p.grad is None for p in teacher.parameters())


def test_a_student_that_equals_its_teacher_has_no_divergence(teacher):
    class Same(nn.Module):
        def forward(self, images):
            return teacher.extract_features(images)

    student = build(STUDENT)
    student.take_decoder(teacher)
    student.backbone, student.neck = Same(), nn.Identity()
    student.neck.out_channels = (8, 16, 32, 64)
    losses = losses_of(student, teacher, batch())
    assert float(losses['loss_kl']) == pytest.approx(0, abs=1e-6)
    assert float(losses['loss_cd']) == pytest.approx(0, abs=1e-5)


def test_the_teacher_is_in_no_state_parameter_or_copy(student, teacher):
    assert {name.split('.')[0] for name in student.state_dict()} == {'backbone', 'neck'}
    parameters = {id(p) for p in student.parameters()}
    assert not parameters & {id(p) for p in teacher.parameters()}
    twin = copy.deepcopy(student)  # as EMA makes it
    assert twin._teacher.module is teacher
    student.train()
    assert not teacher.mask_decoder.training


def test_own_decoder_starts_as_the_teachers_and_trains(teacher):
    decoder = {key: SEMANTIC_SAM[key] for key in ('pixel_decoder', 'mask_decoder')}
    student = build({**STUDENT, 'decoder': decoder})
    student.take_decoder(teacher)
    own = student.mask_decoder.state_dict()
    for name, weight in teacher.mask_decoder.state_dict().items():
        assert own[name].equal(weight)
        assert own[name].data_ptr() != weight.data_ptr()
    sum(losses_of(student, teacher, batch()).values()).backward()
    assert student.pixel_decoder.mask_features.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in teacher.parameters())
    other = build({**STUDENT, 'decoder': {**decoder, 'mask_decoder': {'num_layers': 1}}})
    with pytest.raises(ValueError, match=r'model\.decoder differs from'):
        other.take_decoder(teacher)


def test_training_lowers_the_loss_on_the_same_points(student, teacher):
    data = batch()

    def loss_on_fixed_points() -> torch.Tensor:
        torch.manual_seed(99)  # of the points that losses are computed on
        return sum(losses_of(student, teacher, data).values())

    before = float(loss_on_fixed_points().detach())
    optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)
    for step in range(12):
        torch.manual_seed(step)
        total = sum(losses_of(student, teacher, data).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    after = float(loss_on_fixed_points().detach())
    print(f'{before=} {after=}')
    assert after < 0.9 * before


@pytest.mark.parametrize('match_on', ['teacher', 'student', 'all'])
def test_readings_of_the_matching(teacher, match_on, monkeypatch):
    student = build({**STUDENT, 'match_on': match_on})
    student.take_decoder(teacher)
    seen = []
    criterion = student.criterion.forward

    def watch(s, t, final, valid):
        seen.append(final)
        return criterion(s, t, final, valid)

    monkeypatch.setattr(student.criterion, 'forward', watch)
    losses_of(student, teacher, batch())
    (final,) = seen
    if match_on == 'all':
        assert final is None
    else:  # two targets for each of six prompts
        assert final.sum((1, 2)).tolist() == [2 * PROMPTS] * 2


def test_preprocessor_pads_and_moves_the_prompts():
    preprocessor = build({'type': 'mmirstd.PromptDataPreprocessor'})
    prepared = preprocessor(batch(size=(28, 40)), True)
    assert prepared['inputs'].shape == (2, 3, 32, 64)
    assert (prepared['inputs'][:, :, 28:] == 0).all()
    expected = torch.tensor([0.375 * 40 / 64, 0.375 * 28 / 32, 0.1 * 40 / 64, 0.1 * 28 / 32])
    torch.testing.assert_close(prepared['data_samples']['boxes'][1, 2], expected)
    assert prepared['data_samples']['masks'][0].unique().tolist() == [0, 1]
    assert prepared['data_samples']['valid'].tolist() == [[28, 40]] * 2
    torch.testing.assert_close(
        prepared['data_samples']['mask_boxes'][0][0],
        torch.tensor([12 / 40, 12 / 28, 16 / 40, 16 / 28]),
    )
    uneven = batch()
    uneven['data_samples']['kinds'][1] = torch.zeros(1, dtype=torch.long)
    with pytest.raises(ValueError, match='batch_size=1'):
        preprocessor(uneven)


def test_red_comes_first_after_normalisation():
    data = batch(1)
    data['inputs'][0] = torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None].expand(
        3, SIZE, SIZE
    )
    images = build({'type': 'mmirstd.PromptDataPreprocessor'})(data)['inputs']
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    torch.testing.assert_close(images[0, :, 0, 0], (torch.tensor([30.0, 20, 10]) - mean) / std)


def test_boxes_of_coarse_masks():
    masks = torch.zeros(2, 4, 4)
    masks[0, 1:3, 1:4] = 1.0
    masks[0, 3, 1:4] = 0.3  # less than half covered
    masks[1, 0, 0] = 0.2  # a tiny mask: its cell all the same
    boxes = soft_mask_boxes(masks)
    torch.testing.assert_close(boxes[0], torch.tensor([2.5, 2.0, 3.0, 2.0]) / 4)
    torch.testing.assert_close(boxes[1], torch.tensor([0.5, 0.5, 1.0, 1.0]) / 4)


def test_cells_in_padding():
    sizes = torch.tensor([[32, 64], [20, 64]])
    cells = valid_cells(sizes, (32, 64), (8, 16))
    assert cells[0].all()
    assert cells[1, :5].all()
    assert not cells[1, 5:].any()
    assert valid_cells(sizes[:1], (32, 64), (8, 16)) is None


def test_prediction(student):
    data = batch(1)
    student.eval()
    with torch.no_grad():
        (found,) = student.val_step(data)
    assert found['masks'].shape == (PROMPTS, 6, SIZE // 4, SIZE // 4)
    assert found['ious'].shape == (PROMPTS, 6)
    assert found['padded_size'] == (SIZE, SIZE)


def test_wiring_mistakes_are_explained(teacher):
    with pytest.raises(RuntimeError, match='no decoder'):
        build(STUDENT).val_step(batch())
    neck = {**STUDENT['neck'], 'out_channels': (8, 16, 32, 60)}
    with pytest.raises(ValueError, match=r'out_channels=\(8, 16, 32, 60\) must be \(8, 16, 32, 64'):
        build({**STUDENT, 'neck': neck}).take_decoder(teacher)
    with pytest.raises(ValueError, match='match_on'):
        build({**STUDENT, 'match_on': 'truth'})
    with pytest.raises(ValueError, match='same levels'):
        build({**STUDENT['neck'], 'out_channels': (8,)})


def test_norm_eval_keeps_the_statistics(teacher):
    student = build({**STUDENT, 'norm_eval': True})
    student.take_decoder(teacher)
    student.train()
    before = {k: v.clone() for k, v in student.named_buffers() if 'running' in k}
    losses_of(student, teacher, batch())
    assert before
    assert all(v.equal(before[k]) for k, v in student.named_buffers() if k in before)


def test_semantic_sam_trains_on_prompts_and_its_file_becomes_a_teacher(tmp_path):
    model = build(
        {'type': 'mmirstd.PromptedSemanticSAM', 'semantic_sam': SEMANTIC_SAM, 'num_points': 64}
    )
    prepared = model.data_preprocessor(batch(), True)
    losses = model(**prepared, mode='loss')
    assert {'loss_mask_bce', 'd0.loss_giou'} < losses.keys()
    sum(losses.values()).backward()
    for name, content in (
        ('trained', {'state_dict': model.state_dict()}),
        ('converted', {'state_dict': model.network.state_dict()}),
        ('plain', model.network.state_dict()),
    ):
        torch.save(content, tmp_path / f'{name}.pth')
        other = build({**SEMANTIC_SAM, 'backbone': {**SEMANTIC_SAM['backbone']}})
        nn.init.zeros_(other.mask_decoder.mask_tokens.weight)
        load_semantic_sam(other, tmp_path / f'{name}.pth')
        expected = model.network.mask_decoder.mask_tokens.weight
        assert other.mask_decoder.mask_tokens.weight.equal(expected)
    # `mim test ... --checkpoint FILE` of a converted file reaches the wrapped model too.
    nn.init.zeros_(model.network.mask_decoder.mask_tokens.weight)
    model.load_state_dict(other.state_dict())
    assert model.network.mask_decoder.mask_tokens.weight.abs().sum() > 0
    torch.save({'weights': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth does not contain.*semantic-sam'):
        load_semantic_sam(other, tmp_path / 'other.pth')


def test_every_pair_of_all_processes_counts_the_same(monkeypatch):
    """Two processes, one with three times the pairs: both divide by the mean of the two numbers."""
    divisors = []

    def losses(factor):
        def all_reduce(count, op):
            assert op == 'mean'
            divisors.append((count.item(), count.item() * factor))
            count *= factor

        monkeypatch.setattr('mmirstd.distillation.prompted.all_reduce', all_reduce)
        torch.manual_seed(0)
        model = build(
            {'type': 'mmirstd.PromptedSemanticSAM', 'semantic_sam': SEMANTIC_SAM, 'num_points': 64}
        )
        torch.manual_seed(1)
        return model(**model.data_preprocessor(batch(), True), mode='loss')

    alone, shared = losses(1), losses(2)
    assert divisors[0][0] > 1
    for name, value in alone.items():
        torch.testing.assert_close(shared[name], value / 2)
