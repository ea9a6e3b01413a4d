import re

import pytest
import torch
from torch import nn

from mmirstd.conversion.common import (
    ConversionError,
    Family,
    Rule,
    Unused,
    convert,
    find_state_dict,
    read_checkpoint,
)

FAMILY = Family(
    name='toy',
    config='toy.py',
    rules=(
        Rule(r'first\.(\w+)', r'backbone.conv.\1'),
        Rule(r'block(\d)\.(.+)', r'backbone.<\1-1>.\2'),
    ),
    unused=(Unused(r'spare\..+', 'never applied'),),
    first_convolutions=('backbone.conv.weight',),
    image_statistics=('backbone.conv.bias',),
)


def target(channels: int = 3) -> dict[str, torch.Tensor]:
    return {
        'backbone.conv.weight': torch.zeros(2, channels, 3, 3),
        'backbone.0.weight': torch.zeros(4),
        'backbone.0.num_batches_tracked': torch.tensor(0),
    }


def source(channels: int = 3) -> dict[str, torch.Tensor]:
    return {
        'first.weight': torch.arange(2.0 * channels * 9).reshape(2, channels, 3, 3),
        'block1.weight': torch.ones(4, dtype=torch.float64),
        'block1.num_batches_tracked': torch.tensor(7),
        'spare.weight': torch.zeros(1),
    }


def test_every_key_is_renamed_and_cast():
    converted = convert(source(), FAMILY, target())
    assert list(converted) == list(target())
    assert torch.equal(converted['backbone.conv.weight'], source()['first.weight'])
    assert converted['backbone.0.weight'].dtype == torch.float32
    assert converted['backbone.0.num_batches_tracked'] == 7


def test_numbers_in_names_are_calculated_from_left_to_right():
    rule = Rule(r'c(\d+)_(\d)\.(\w+)', r'a.<\1//2-1>.<5-\2>.<\1%3>.<\2+\1>.\3')
    assert rule.rename('c7_2.weight') == 'a.2.3.1.9.weight'
    assert Rule('old', lambda match: f'{match[0]}er').rename('old') == 'older'
    assert rule.rename('c7.weight') is None


def test_counters_may_be_absent_as_in_old_files():
    state = source()
    del state['block1.num_batches_tracked']
    assert convert(state, FAMILY, target())['backbone.0.num_batches_tracked'] == 0


def test_all_problems_come_in_one_message():
    state = source()
    state['first.weight'] = torch.zeros(2, 3, 5, 5)
    state |= {f'stranger{k}.weight': torch.zeros(1) for k in range(9)}
    del state['block1.weight']
    with pytest.raises(ConversionError) as error:
        convert(state, FAMILY, target())
    message = str(error.value)
    assert '9 keys of the file are not known: stranger0.weight' in message
    assert 'stranger4.weight and 4 more' in message
    assert '1 keys of the model are not filled: backbone.0.weight' in message
    assert 'first.weight (2, 3, 5, 5), expected (2, 3, 3, 3)' in message


def test_a_renamed_key_must_exist_and_be_reached_once():
    with pytest.raises(ConversionError, match=re.escape('block2.weight (would be backbone.1')):
        convert(source() | {'block2.weight': torch.ones(4)}, FAMILY, target())
    twice = Family(**{**vars(FAMILY), 'rules': (*FAMILY.rules, Rule('other', 'backbone.0.weight'))})
    with pytest.raises(
        ConversionError, match=r'are mapped to the same target: other -> backbone\.0\.weight'
    ):
        convert(source() | {'other': torch.ones(4)}, twice, target())


def test_image_channels_change_only_when_asked():
    with pytest.raises(ConversionError, match='--adapt-in-channels'):
        convert(source(1), FAMILY, target(3))
    image = torch.randn(1, 1, 8, 8)
    for have, want in ((1, 3), (3, 1)):
        state = source(have)
        converted = convert(state, FAMILY, target(want), adapt_in_channels=True)
        before = nn.functional.conv2d(image.expand(-1, have, -1, -1), state['first.weight'])
        after = nn.functional.conv2d(
            image.expand(-1, want, -1, -1), converted['backbone.conv.weight']
        )
        torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)


def test_input_norm_statistics_follow_the_channels():
    grown = target(3) | {'backbone.conv.bias': torch.zeros(3)}
    state = source(1) | {'first.bias': torch.tensor([5.0])}
    converted = convert(state, FAMILY, grown, adapt_in_channels=True)
    assert converted['backbone.conv.bias'].tolist() == [5, 5, 5]
    shrunk = target(1) | {'backbone.conv.bias': torch.zeros(1)}
    state = source(3) | {'first.bias': torch.tensor([1.0, 2.0, 6.0])}
    converted = convert(state, FAMILY, shrunk, adapt_in_channels=True)
    assert converted['backbone.conv.bias'].tolist() == [3]


def test_values_can_be_prepared():
    def halve(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return state | {'block1.weight': state['block1.weight'] / 2}

    family = Family(**{**vars(FAMILY), 'prepare': halve})
    assert convert(source(), family, target())['backbone.0.weight'].tolist() == [0.5] * 4


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: {'epoch': 3, 'state_dict': state, 'loss': 0.1},
        lambda state: {'net': state, 'iou': 0.7},
        lambda state: {'state_dict': {f'model.{key}': value for key, value in state.items()}},
        lambda state: {f'module.model.{key}': value for key, value in state.items()},
    ],
)
def test_containers_and_prefixes_are_recognised(wrap, tmp_path):
    path = tmp_path / 'file.pth.tar'
    torch.save(wrap(source()), path)
    assert set(read_checkpoint(path)) == set(source())


def test_a_prefix_is_stripped_from_all_keys_or_none():
    state = {'model.weight': torch.zeros(1), 'weight': torch.zeros(1)}
    assert find_state_dict(state) == state


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'state_dict': {}}, 'not a state dict|no state dict'),
        ({'state_dict': {'a': 1.0}}, 'a contain no tensors'),
        ({'loss': 0.5, 'epoch': 3}, 'loss, epoch contain no tensors'),
    ],
)
def test_files_without_weights_are_named(content, message, tmp_path):
    path = tmp_path / 'odd.pth'
    torch.save(content, path)
    with pytest.raises(ConversionError, match=message):
        read_checkpoint(path)


def test_damaged_and_foreign_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.pth'):
        read_checkpoint(tmp_path / 'absent.pth')
    with pytest.raises(FileNotFoundError, match=r'absent\.pth'):
        read_checkpoint(tmp_path / 'absent.pth', allow_pickle=True)
    whole = tmp_path / 'whole.pth'
    torch.save(source(), whole)
    for name, content in (
        ('cut.pth', whole.read_bytes()[:500]),
        ('page.pth', b'<html>Sign in to download</html>'),
        ('empty.pth', b''),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        for allow_pickle in (False, True):
            with pytest.raises(ConversionError, match=name):
                read_checkpoint(path, allow_pickle=allow_pickle)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3)


def test_whole_models_are_read_only_when_allowed(tmp_path, monkeypatch):
    path = tmp_path / 'model.pkl'
    torch.save(Model(), path)
    with pytest.raises(ConversionError, match=r'run code.*--allow-pickle'):
        read_checkpoint(path)
    assert set(read_checkpoint(path, allow_pickle=True)) == {'first.weight', 'first.bias'}
    monkeypatch.delattr(__import__(__name__), 'Model')
    with pytest.raises(ConversionError, match=r'cannot be imported.*PYTHONPATH'):
        read_checkpoint(path, allow_pickle=True)
