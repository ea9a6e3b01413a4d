"""Where the configs of this package are, and how configs elsewhere inherit them."""

from __future__ import annotations

from pathlib import Path

SCOPE = 'mmirstd::'
"""Prefix of a config of this package in ``_base_``, similar to ``mmseg::``."""


def config_folders() -> list[Path]:
    """Folders with the configs of this package: of the installed wheel and of a checkout."""
    package = Path(__file__).resolve().parent
    return [
        path for path in (package / '.mim/configs', package.parent / 'configs') if path.is_dir()
    ]


def config_path(name: str) -> str:
    """The path of a config of this package, for configs that are elsewhere and inherit it.

    A config that `mim train mmsegmentation` reads may write::

        _base_ = [__import__('mmirstd').config_path('_base_/models/acm.py'), ...]

    Args:
        name: Path relative to the folder ``configs``, such as ``'_base_/models/acm.py'``.

    Raises:
        FileNotFoundError: The config does not exist; the message lists similar ones.
    """
    name = name.removeprefix(SCOPE)
    folders = config_folders()
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    stem = Path(name).stem
    similar = sorted(
        {str(p.relative_to(f)) for f in folders for p in f.rglob('*.py') if stem in p.stem}
    )
    hint = f' Similar: {", ".join(similar[:10])}.' if similar else ''
    raise FileNotFoundError(f'mmirstd has no config {name}.{hint}')


def know_config_scope() -> None:
    """Let MMEngine find ``mmirstd::NAME`` in ``_base_``, as it finds ``mmseg::NAME``.

    MMEngine has a fixed list of packages for that. The commands of mmirstd and its inferencers call
    this before they read a config.
    """
    from mmengine.config import Config

    stock = Config._get_cfg_path
    if getattr(stock, 'knows_mmirstd', False):
        return

    def get_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(SCOPE):
            return config_path(cfg_path), None
        return stock(cfg_path, filename)

    get_path.knows_mmirstd = True  # type: ignore[attr-defined]
    Config._get_cfg_path = staticmethod(get_path)
