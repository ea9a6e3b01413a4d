from dataclasses import replace

import torch
from documented import run_page
from semantic_sam_files import SMALL, official_state

from mmirstd.conversion.families import FAMILIES
from mmirstd.inference.configs import load_config


def test_page(tmp_path, monkeypatch):
    """As written, but with a small model in the place of Swin-T."""
    small = 'semantic_sam/semantic_sam_cpu_synthetic.py'

    def load_small(config):
        return load_config(str(config).replace('swint_sirst', 'cpu_synthetic'))

    monkeypatch.chdir(tmp_path)
    torch.save({'model': official_state(**SMALL)}, 'swint_only_sam_many2many.pth')
    monkeypatch.setattr('mmirstd.inference.prompted.semantic_sam_predictor.load_config', load_small)
    family = replace(FAMILIES['semantic-sam'], config_of=lambda state: small)
    monkeypatch.setitem(FAMILIES, 'semantic-sam', family)
    run_page('reference/semantic_sam.md', monkeypatch)
    assert (tmp_path / 'semantic_sam_swint.pth').is_file()
