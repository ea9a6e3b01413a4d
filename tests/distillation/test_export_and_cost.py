"""A student's checkpoint as the start of fine-tuning, and what distillation costs."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from tiny import SEMANTIC_SAM, SIZE, STUDENT, build

from benchmarks.distillation_cost import step_cost

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture
def checkpoint(tmp_path) -> tuple[Path, dict]:
    """A checkpoint as the runner writes it: student, optimiser, log."""
    from mmengine.logging import HistoryBuffer

    student = build(STUDENT)
    for p in student.parameters():
        torch.nn.init.normal_(p)
    optimizer = torch.optim.AdamW(student.parameters())
    content = {
        'meta': {'iter': 7, 'epoch': 1},
        'state_dict': student.state_dict(),
        'optimizer': optimizer.state_dict(),
        'message_hub': {'log_scalars': {'train/loss': HistoryBuffer([1.0], [1])}},
    }
    torch.save(content, tmp_path / 'student.pth')
    return tmp_path / 'student.pth', student.backbone.state_dict()


@pytest.mark.parametrize(
    ('config', 'option'),
    [
        ('ablation/step1_nudt', 'model.backbone'),
        ('ablation/step1_irstd1k', 'model.backbone'),
        ('simirstd_sirst', 'model.backbone.backbone'),
        ('simirstd_irstd1k', 'model.backbone.backbone'),
    ],
)
def test_one_option_starts_a_config_from_a_student(checkpoint, config, option):
    path, expected = checkpoint
    cfg = Config.fromfile(CONFIGS / f'{config}.py')
    sizes = {key: STUDENT['backbone'][key] for key in ('embed_dims', 'depths')}  # as distilled
    cfg.merge_from_dict({f'{option}.{key}': value for key, value in sizes.items()})
    cfg.merge_from_dict({f'{option}.weights': str(path)})
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model.backbone)
    found = getattr(model, 'backbone', model).state_dict()
    assert found.keys() == expected.keys()
    assert all(found[name].equal(weight) for name, weight in expected.items())


def test_a_file_without_encoder_is_refused(tmp_path):
    torch.save({'state_dict': {'neck.weight': torch.zeros(1)}}, tmp_path / 'neck.pth')
    with pytest.raises(ValueError, match=r'neck\.pth does not contain weights'):
        build({**STUDENT['backbone'], 'weights': str(tmp_path / 'neck.pth')})


def test_cost_of_a_step():
    teacher, student = build(SEMANTIC_SAM), build(STUDENT)
    cost = step_cost(teacher, student, SIZE, 3)
    # The neck by hand: 1x1 convolutions on maps of 8, 4, 2 and 1 cells a side.
    neck = 8 * 8 * 8**2 + 8 * 16 * 4**2 + 16 * 32 * 2**2 + 16 * 64
    assert cost.encoder > neck
    wider = build({**STUDENT, 'neck': {**STUDENT['neck'], 'out_channels': (8, 16, 32, 128)}})
    more = step_cost(teacher, wider, SIZE, 3)
    assert more.encoder - cost.encoder == 16 * 64
    assert cost.total == cost.teacher_backbone + 3 * cost.decoder + 3 * cost.encoder
    # More prompts cost the decoder alone, twice the size about four times as much.
    assert step_cost(teacher, student, SIZE, 6).decoder > cost.decoder
    large = step_cost(teacher, student, 2 * SIZE, 3)
    assert large.encoder == pytest.approx(4 * cost.encoder, rel=0.05)
    assert large.teacher_backbone > 2 * cost.teacher_backbone  # small maps are padded to windows
    # The models are as before.
    assert teacher.training
    assert next(student.parameters()).device.type == 'cpu'
