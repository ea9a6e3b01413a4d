"""Build hook: recipes and tools a second time, where onedl-mim 0.5.1 looks for them.

mim wants them in <package>/.mim (see pyproject.toml for that copy). Where <package> is, onedl-mim
0.5.1 concludes from the first file that pip recorded of the distribution, in alphabetical order:
'mmirstd-<version>.dist-info/...' comes before 'mmirstd/...', so it would look in the wrong folder.
The second copy lies in a folder whose name comes first. A console script ('../../../bin/...')
would come before that; tests/test_wheel.py watches.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class MimCopyHook(BuildHookInterface):
    """Adds ``_mmirstd_mim/.mim`` to wheels; editable installations need no copy."""

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
        build_data['force_include'][str(self.copy)] = '_mmirstd_mim/.mim'

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the copy."""
        shutil.rmtree(self.copy)
