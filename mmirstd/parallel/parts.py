"""The table of targets in parts, one per shard, for programs that read them in parallel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmirstd.inference.targets import Target
from mmirstd.io.outputs.atomic import atomic_path, write_atomically
from mmirstd.io.outputs.growing import csv_text
from mmirstd.parallel.shards import Shard
from mmirstd.reporting.writers import CSV_COLUMNS, csv_row

PARTS = ('csv', 'parquet')
"""Formats of a part."""

FOLDER = 'parts'
_WHOLE = ('left', 'top', 'right', 'bottom', 'area')


def part_file(shard: Shard, kind: str) -> str:
    """Path of the part of a shard, relative to the folder of results."""
    return f'{FOLDER}/targets-{shard.index:06d}.{kind}'


def check_parts(kind: str | None) -> None:
    """Check that parts of this kind can be written.

    Raises:
        ImportError: Parquet needs pyarrow, which is not installed.
    """
    if kind == 'parquet':
        _import_parquet()


def write_part(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write the targets of some images, with the columns of ``targets.csv``.

    Args:
        path: ``.csv``, with exactly the lines of ``targets.csv``, or ``.parquet``, with typed
            numbers and unchanged names.
        entries: Results of `mmirstd.reporting.writers.describe`, in order.

    Raises:
        OSError: The file cannot be written; the message names it.
    """
    found = [(e['name'], Target(**target)) for e in entries for target in e['targets']]
    if path.suffix == '.csv':
        rows = [csv_row(name, target) for name, target in found]
        write_atomically(path, csv_text([CSV_COLUMNS, *rows]), sync=False)
        return
    pyarrow, parquet = _import_parquet()
    rows = [(_valid(name), t.x, t.y, *t.box, t.area, t.score) for name, t in found]
    fields = [(column, _parquet_type(pyarrow, column)) for column in CSV_COLUMNS]
    columns = list(zip(*rows, strict=True)) or [()] * len(CSV_COLUMNS)
    arrays = [
        pyarrow.array(values, kind) for values, (_, kind) in zip(columns, fields, strict=True)
    ]
    table = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))
    with atomic_path(path, sync=False) as temporary:
        parquet.write_table(table, temporary)


def _parquet_type(pyarrow: Any, column: str) -> Any:
    if column == 'image':
        return pyarrow.string()
    return pyarrow.int64() if column in _WHOLE else pyarrow.float64()


def _valid(name: str) -> str:
    """Text that can be encoded in UTF-8; names of files may contain anything."""
    return name.encode('utf-8', 'backslashreplace').decode()


def _import_parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            f"parts in Parquet need pyarrow: pip install 'mmirstd[ray]' ({error})"
        ) from error
    return pyarrow, pyarrow.parquet
