"""What the cache keeps, what it costs, and what it refuses."""

import json

import pytest
import torch

from mmirstd.distillation.teacher_cache import Answers, TeacherCache


def answers(seed: int = 0, size: int = 40) -> Answers:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(12, 1, 5, 5, generator=generator) * 8
    masks = torch.nn.functional.interpolate(coarse, size=size, mode='bilinear')
    return Answers(
        masks.view(2, 6, size, size),
        torch.rand(2, 6, generator=generator),
        torch.rand(2, 6, 4, generator=generator),
    )


def test_half_precision_keeps_logits(tmp_path):
    cache = TeacherCache(tmp_path, {'seed': 0})
    assert not cache.has(12_345)
    size = cache.write(12_345, answers())
    assert cache.has(12_345)
    again = cache.read(12_345)
    torch.testing.assert_close(again.masks, answers().masks, rtol=1e-3, atol=1e-3)
    assert again.masks.dtype == torch.float32
    assert again.ious.equal(answers().ious)
    assert again.boxes.equal(answers().boxes)
    assert size == pytest.approx(2 * answers().masks.numel(), rel=0.1)


def test_bits_keep_which_pixels_are_inside(tmp_path):
    cache = TeacherCache(tmp_path, {}, 'bits')
    size = cache.write(3, answers(size=37))  # no multiple of eight
    masks = cache.read(3).masks
    assert masks.shape == (2, 6, 37, 37)
    assert (masks > 0).equal(answers(size=37).masks > 0)
    assert set(masks.unique().tolist()) == {-1, 1}
    assert size < 0.2 * TeacherCache(tmp_path / 'half', {}).write(3, answers(size=37))


def test_large_logits_stay_finite(tmp_path):
    cache = TeacherCache(tmp_path, {})
    cache.write(0, answers()._replace(masks=torch.full((1, 6, 4, 4), 1e6)))
    assert cache.read(0).masks.isfinite().all()


def test_another_teacher_or_other_prompts_are_refused(tmp_path):
    TeacherCache(tmp_path, {'teacher': 'a', 'scale_range': (1, 2)})
    TeacherCache(tmp_path, {'teacher': 'a', 'scale_range': (1, 2)})
    with pytest.raises(ValueError, match='teacher: a there, b now'):
        TeacherCache(tmp_path, {'teacher': 'b', 'scale_range': (1, 2)})
    with pytest.raises(ValueError, match='precision: float16 there, bits now'):
        TeacherCache(tmp_path, {'teacher': 'a', 'scale_range': (1, 2)}, 'bits')
    with pytest.raises(ValueError, match='int4'):
        TeacherCache(tmp_path / 'new', {}, 'int4')
    assert json.loads((tmp_path / 'cache.json').read_text())['teacher'] == 'a'


def test_what_is_known_at_the_first_answer_counts_too(tmp_path):
    TeacherCache(tmp_path, {'teacher': 'a'}).agree('computed_in', 'torch.float32')
    again = TeacherCache(tmp_path, {'teacher': 'a'})
    again.agree('computed_in', 'torch.float32')
    with pytest.raises(ValueError, match=r'computed_in: torch\.float32 there, torch\.bfloat16 now'):
        again.agree('computed_in', 'torch.bfloat16')
    with pytest.raises(ValueError, match='teacher: a there, b now'):
        TeacherCache(tmp_path, {'teacher': 'b'})


@pytest.mark.parametrize('content', [b'{', b'\xff\xfe'])
def test_a_damaged_description_is_named(tmp_path, content):
    TeacherCache(tmp_path, {})
    (tmp_path / 'cache.json').write_bytes(content)
    with pytest.raises(ValueError, match=r'cache\.json is damaged'):
        TeacherCache(tmp_path, {})


def test_damaged_files_are_named(tmp_path):
    cache = TeacherCache(tmp_path, {})
    cache.write(7, answers())
    path = cache.path(7)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(OSError, match=rf'{path.name} is missing or damaged'):
        cache.read(7)
    with pytest.raises(OSError, match='Delete it'):
        cache.read(8)
