"""Old names work for one release and warn, in calls, configs and on command lines."""

import argparse
import importlib
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmirstd.renamed import (
    Renamed,
    accept_old_arguments,
    accept_old_values,
    add_old_flag,
    rename_arguments,
)

ROOT = Path(__file__).resolve().parents[1]
EMA = Renamed('ema', {'averaged': True, 'raw': False})


@accept_old_arguments(truth='gt_mask', weights=EMA)
def score(prediction, gt_mask=None, *, ema=True):
    """Docs."""
    return prediction, gt_mask, ema


@accept_old_arguments(image_tail='image_suffix')
@dataclass(frozen=True)
class Section:
    images: str
    image_suffix: str = ''


def test_calls_by_new_names_are_silent_and_unchanged():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert score(1, 2, ema=False) == (1, 2, False)
        assert score(1, gt_mask=2) == (1, 2, True)
        assert Section('a', 'b') == Section('a', image_suffix='b')
    assert score.__doc__ == 'Docs.'


def test_old_names_of_functions_and_classes_warn_at_the_caller():
    with pytest.warns(DeprecationWarning, match='score: truth is now called gt_mask') as caught:
        assert score(1, truth=2) == (1, 2, True)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match='Section: image_tail is now called') as caught:
        assert Section('a', image_tail='_1').image_suffix == '_1'
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match='weights is now called ema=False'):
        assert score(1, weights='raw') == (1, None, False)


def test_mistakes_with_old_names():
    with pytest.raises(TypeError, match='truth is the old name of gt_mask; give one of them'):
        score(1, gt_mask=2, truth=2)
    with pytest.raises(TypeError, match='truth is the old name of gt_mask; give one of them'):
        score(1, 2, truth=2)
    with pytest.raises(ValueError, match="weights='best' must be 'averaged' or 'raw'; see ema"):
        score(1, weights='best')
    with pytest.raises(TypeError, match='colour'):
        score(1, colour=2)


def test_values_have_new_names_too():
    names = {'resize': Renamed('resize', {'truth': 'gt'})}
    with pytest.warns(DeprecationWarning, match='f: resize=truth is now called gt'):
        assert rename_arguments({'resize': 'truth'}, names, 'f') == {'resize': 'gt'}
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert rename_arguments({'resize': None, 'k': 1}, names, 'f') == {'resize': None, 'k': 1}


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser('mmirstd score', allow_abbrev=False)
    suffix = parser.add_argument('--gt-suffix', default='', help='new')
    add_old_flag(parser, '--truth-tail', suffix)
    edges = parser.add_argument('--edges', type=int, nargs='+', default=[1])
    add_old_flag(parser, '--bins', edges)
    ema = parser.add_argument('--ema', action=argparse.BooleanOptionalAction, default=True)
    add_old_flag(parser, '--weights', ema, {'averaged': True, 'raw': False})
    convert = accept_old_values('--resize', {'truth': 'gt'})
    parser.add_argument('--resize', choices=['gt', 'prediction'], type=convert)
    return parser


def test_old_flags_set_the_new_ones(parser):
    assert vars(parser.parse_args([])) == {
        'gt_suffix': '', 'edges': [1], 'ema': True, 'resize': None
    }  # fmt: skip
    words = ['--truth-tail', '_m', '--bins', '2', '3', '--weights', 'raw', '--resize', 'truth']
    with pytest.warns(DeprecationWarning, match='now called') as caught:
        args = parser.parse_args(words)
    assert vars(args) == {'gt_suffix': '_m', 'edges': [2, 3], 'ema': False, 'resize': 'gt'}
    end = '; the old name will be removed in the next release'
    assert [str(each.message) for each in caught] == [
        f'mmirstd score: --truth-tail is now called --gt-suffix{end}',
        f'mmirstd score: --bins is now called --edges{end}',
        f'mmirstd score: --weights is now called --no-ema{end}',
        f'--resize truth is now called gt{end}',
    ]


def test_help_shows_new_flags_alone(parser, capsys):
    assert '--truth-tail' not in parser.format_help()
    assert '--gt-suffix' in parser.format_help()
    with pytest.raises(SystemExit):
        parser.parse_args(['--weights', 'last'])
    assert 'averaged' in capsys.readouterr().err


def test_a_user_sees_the_warning_though_python_hides_the_category(tmp_path):
    """Without a filter of theirs; one of theirs stays in force."""
    script = tmp_path / 'library.py'
    script.write_text(
        'from mmirstd.renamed import rename_arguments\n'
        'def build(**given):\n'
        "    return rename_arguments(given, {'old': 'new'}, 'build')\n"
    )
    command = ['-c', 'import library; print(library.build(old=1))']
    shown, hidden = (
        subprocess.run(
            [sys.executable, *filters, *command],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )
        for filters in ([], ['-W', 'ignore'])
    )  # fmt: skip
    assert shown.stdout == hidden.stdout == "{'new': 1}\n"
    assert 'DeprecationWarning: build: old is now called new' in shown.stderr
    assert hidden.stderr == ''


OLD_FLAGS = {
    'check': {'--image-tail': '--image-suffix', '--mask-tail': '--mask-suffix'},
    'demo': {'--weights': '--ema'},
    'detect': {'--weights': '--ema', '--tile': '--tile-size', '--gate': '--max-distance'},
    'export': {'--weights': '--ema'},
    'report': {'--mask-tail': '--mask-suffix', '--tile': '--tile-size'},
    'score': {
        '--list': '--split',
        '--prediction-tail': '--prediction-suffix',
        '--truth-tail': '--gt-suffix',
        '--truth-threshold': '--gt-threshold',
    },
    'track': {'--weights': '--ema', '--tile': '--tile-size', '--gate': '--max-distance'},
}


@pytest.mark.parametrize('command', OLD_FLAGS)
def test_every_renamed_flag_of_the_commands_is_still_taken(command):
    from mmirstd.cli.main import load_command

    actions = load_command(command).build_parser()._option_string_actions
    assert {name for name, action in actions.items() if hasattr(action, 'renamed')} == (
        OLD_FLAGS[command].keys()
    )
    page = (ROOT / 'docs/reference/deprecations.md').read_text()
    for old, new in OLD_FLAGS[command].items():
        assert f'`{old}' in page
        assert actions[old].dest == actions[new].dest
        assert actions[old].renamed is actions[new]
        assert actions[old].help == argparse.SUPPRESS


def test_names_that_moved_are_found_at_their_old_place():
    from mmirstd.models.backbones import body
    from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone

    with pytest.warns(DeprecationWarning, match=r'body\.IRSTDBody is now called .*IRSTDBackbone'):
        assert body.IRSTDBody is IRSTDBackbone
    with pytest.raises(AttributeError, match="has no attribute 'Other'"):
        _ = body.Other


OLD_ARGUMENTS = [
    ('mmirstd.datasets.irstd:IRSTDDataset', 'image_tail', 'image_suffix'),
    ('mmirstd.datasets.irstd:IRSTDDataset', 'mask_tail', 'mask_suffix'),
    ('mmirstd.datasets.layouts:Section', 'mask_tail', 'mask_suffix'),
    ('mmirstd.datasets.layouts:custom_layout', 'image_tail', 'image_suffix'),
    ('mmirstd.datasets.selection:select_pairs', 'mask_tail', 'mask_suffix'),
    ('mmirstd.distillation.prompted:PromptedSemanticSAM', 'network', 'semantic_sam'),
    ('mmirstd.distillation.teacher:Teacher', 'network', 'semantic_sam'),
    ('mmirstd.evaluation.counts:count_image', 'truth', 'gt_mask'),
    ('mmirstd.evaluation.folder:score_folder', 'truths', 'gt_masks'),
    ('mmirstd.evaluation.folder:score_folder', 'truth_threshold', 'gt_threshold'),
    ('mmirstd.evaluation.folder:score_folder', 'truth_tail', 'gt_suffix'),
    ('mmirstd.evaluation.folder:score_folder', 'prediction_tail', 'prediction_suffix'),
    ('mmirstd.evaluation.scorer:Scorer.update', 'truth', 'gt_mask'),
    ('mmirstd.inference.prompted.sam_predictor:SAMPredictor.predict', 'points', 'point_coords'),
    ('mmirstd.inference.torch_detector:IRSTDInferencer', 'weights', 'ema'),
    ('mmirstd.visualization.outcomes:judge', 'truth', 'gt_mask'),
    ('mmirstd.visualization.overlay:draw_overlay', 'truth', 'gt_mask'),
    ('mmirstd.visualization.overlay:draw_result', 'truth', 'gt_mask'),
    ('mmirstd.visualization.sheet:SheetRow', 'truth', 'gt_mask'),
]


@pytest.mark.parametrize(('place', 'old', 'new'), OLD_ARGUMENTS)
def test_every_renamed_argument_is_still_taken(place, old, new):
    """Both names at once are refused by their wrapper, before anything else happens."""
    module, _, path = place.partition(':')
    found = importlib.import_module(module)
    for part in path.split('.'):
        found = getattr(found, part)
    with pytest.raises(TypeError, match=f'{old} is the old name of {new}; give one of them'):
        found(**{old: 'raw', new: None})
    assert old in (ROOT / 'docs/reference/deprecations.md').read_text()


def test_a_dataset_is_found_by_old_names(tmp_path):
    from mmirstd.datasets.selection import select_pairs

    for folder, suffix in (('ir', ''), ('gt', '_m')):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f'a{suffix}.png').touch()
    with pytest.warns(
        DeprecationWarning, match='select_pairs: mask_tail is now called mask_suffix'
    ):
        old = select_pairs(tmp_path, image_dir='ir', mask_dir='gt', mask_tail='_m')
    assert (
        old.pairs == select_pairs(tmp_path, image_dir='ir', mask_dir='gt', mask_suffix='_m').pairs
    )
    assert old.pairs[0].mask.name == 'a_m.png'
