"""Configs anywhere on the disk that inherit those of this package."""

import pytest
from mmengine.config import Config

import mmirstd
from mmirstd.configs import know_config_scope
from mmirstd.inference.configs import load_config

PARTS = ('models/acm', 'datasets/folder', 'schedules/adamw_150e', 'default_runtime')


def test_by_an_expression_that_every_tool_understands(tmp_path):
    (tmp_path / 'own.py').write_text(
        "_base_ = [__import__('mmirstd').config_path(f'_base_/{name}.py')\n"
        f'    for name in {PARTS}]\n'
        'model = dict(data_preprocessor=_base_.data_preprocessor)\n'
    )
    cfg = Config.fromfile(tmp_path / 'own.py')
    assert cfg.model.backbone.type == 'mmirstd.ACM'
    assert cfg.model.data_preprocessor.type == 'SegDataPreProcessor'


def test_by_the_scope(tmp_path):
    bases = [f'mmirstd::_base_/{name}.py' for name in PARTS]
    (tmp_path / 'own.py').write_text(f'_base_ = {bases}\n')
    assert load_config(tmp_path / 'own.py').model.backbone.type == 'mmirstd.ACM'
    know_config_scope()
    know_config_scope()  # twice changes nothing
    (tmp_path / 'next.py').write_text("_base_ = ['./own.py']\nmax_epochs = 3\n")
    assert Config.fromfile(tmp_path / 'next.py').model.backbone.type == 'mmirstd.ACM'
    (tmp_path / 'wrong.py').write_text("_base_ = 'mmirstd::_base_/models/acn.py'\n")
    with pytest.raises(ValueError, match=r'has no config _base_/models/acn\.py'):
        load_config(tmp_path / 'wrong.py')


def test_an_unknown_name_lists_similar_ones():
    with pytest.raises(FileNotFoundError, match=r'Similar: .*_base_/models/acm\.py'):
        mmirstd.config_path('models/acm.py')
