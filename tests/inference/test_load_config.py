"""Loading of configs."""

import pytest

from mmirstd.inference.configs import load_config


def test_a_config_with_environment_variables_is_read_silently(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, tmp_path: object
) -> None:
    monkeypatch.setenv('MMIRSTD_DATA', str(tmp_path))
    config = load_config('light_unet_sirst3')
    assert config.data_root == str(tmp_path)
    printed = capfd.readouterr()
    assert 'MMIRSTD_DATA' not in printed.out + printed.err
