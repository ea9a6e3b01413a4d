"""Recognising files that are given as checkpoints, without reading them as such."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from mmirstd.wording import format_count

_PICKLE, _ZIP = b'\x80', b'PK'
_MXNET = (0x112).to_bytes(8, 'little')
_HEAD = 512


def is_safetensors(path: Path) -> bool:
    """Whether the file has the form of safetensors, whatever its name is."""
    with path.open('rb') as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], 'little')
    return len(start) == 9 and start[8:] == b'{' and 2 <= length <= path.stat().st_size - 8


def damage(path: Path) -> str:
    """What the first and last bytes say is wrong with a PyTorch checkpoint; empty when nothing.

    The text continues a sentence that begins with the file's name, and says what the file is
    instead and what helps.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        head = file.read(_HEAD)
    if not head:
        return 'is empty'
    if head.startswith(_ZIP):  # torch >= 1.6 writes a zip archive; its directory comes last
        return _damaged_archive(path, size)
    if head.startswith(_PICKLE) or is_safetensors(path):
        return ''
    text = head.lstrip(b'\xef\xbb\xbf \t\r\n').lower()
    if text.startswith((b'<!doctype', b'<html', b'<?xml')) or b'<html' in text:
        return (
            'is a web page (HTML), not a checkpoint: the download gave a page of the site, for '
            'instance a question or an error. Open the address in a browser and download the file '
            'itself; for Google Drive: `pip install gdown; gdown ID`'
        )
    if text.startswith(b'version https://git-lfs'):
        return (
            'is a Git LFS pointer, not the checkpoint itself: fetch it by `git lfs pull` in that '
            'repository, or download it from the page of the file'
        )
    if head.startswith(b'\x89HDF'):
        return 'is an HDF5 file, as Keras writes it, not a PyTorch checkpoint'
    if head.startswith(_MXNET):
        return (
            'is an MXNet file, not a PyTorch checkpoint: export its arrays where MXNet is '
            'installed (docs/reference/models.md, "Published weights")'
        )
    if path.suffix.lower() == '.onnx':
        return 'is an ONNX model: use it by OnnxDetector or as --onnx, without a checkpoint'
    return 'is not a PyTorch checkpoint'


def _damaged_archive(path: Path, size: int) -> str:
    try:
        if not zipfile.is_zipfile(path):
            return f'is incomplete ({format_count(size, "byte was written", "bytes were written")})'
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:  # an end record that claims several disks, for instance
        return f'is incomplete ({format_count(size, "byte was written", "bytes were written")})'
    except (UnicodeDecodeError, struct.error, NotImplementedError, EOFError) as error:
        return f'is damaged: its list of contents cannot be read ({error})'
    if any(name.endswith('constants.pkl') for name in names):
        return (
            'is a TorchScript program, not a checkpoint: save its weights by `torch.save('
            "{'state_dict': torch.jit.load(FILE).state_dict()}, 'weights.pth')`"
        )
    if not any(name.endswith('data.pkl') for name in names):
        return 'is a zip archive of something else: unpack it and give the checkpoint in it'
    return ''
