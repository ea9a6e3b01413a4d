"""Build hook: configs and tools a second time, where onedl-mim 0.5.1 looks for them.

mim reads them from <package>/.mim (see pyproject.toml for that copy). openmim takes the folder of
the package's name for <package>. onedl-mim 0.5.1 takes the first part of the first file that pip
recorded of the distribution, in alphabetical order: that is '..' of '../../../bin/mmirstd', the
console script. The second copy is in a folder whose name comes before that: '+' comes before '.'
in ASCII, and a folder with that name is nothing that Python could import.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = '+mmirstd'


class MimCopyHook(BuildHookInterface):
    """Adds ``+mmirstd/.mim`` to wheels; editable installations need no copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy the files aside, because hatchling includes each source only once."""
        self.copy = Path(tempfile.mkdtemp())
        if version == 'editable':
            return
        root = Path(self.root)
        for folder in ('configs', 'tools'):
            ignored = shutil.ignore_patterns('__pycache__')
            shutil.copytree(root / folder, self.copy / folder, ignore=ignored)
        shutil.copy(root / 'model-index.yml', self.copy)
        build_data['force_include'][str(self.copy)] = f'{FOLDER}/.mim'

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the copy."""
        shutil.rmtree(self.copy)
