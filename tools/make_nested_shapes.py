"""Draw a procedural substitute for SA-1B: nested shapes with masks of all levels.

The files have the format of SA-1B (sa_N.jpg with sa_N.json, in shards), so every command that reads
SA-1B reads them. They show that a pipeline works, but say nothing about photographs.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.markup import escape

from mmirstd.cli.stopping import run_tool
from mmirstd.datasets.synthetic.nested_shapes import write_nested_shapes
from mmirstd.io.outputs.folder import OutputFolder
from mmirstd.wording import format_count


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 when the set is complete, 1 when it could not be written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add('out', nargs='?', default='data/nested_shapes', help='folder to write')
    add('--images', type=int, default=400, help='images to train on, in shards from 20 on')
    add('--val', type=int, default=40, help='images of another seed to test on, in shard 130')
    add('--size', type=int, nargs=2, default=[96, 96], metavar=('HEIGHT', 'WIDTH'))
    add('--seed', type=int, default=0, help='integer >= 0')
    add('--tar', action='store_true', help='write archives, as SA-1B comes, instead of folders')
    add('--overwrite', action='store_true', help='replace the shards of an earlier run')
    args = parser.parse_args(argv)
    console = Console(stderr=True)
    try:
        shards = []
        sets = ((args.images, args.seed, 20), (args.val, args.seed + 1, 130))
        with OutputFolder(args.out, 'make_nested_shapes', overwrite=args.overwrite) as files:
            for count, seed, first in sets:
                if count:
                    shards += write_nested_shapes(
                        files,
                        count,
                        size=tuple(args.size),
                        seed=seed,
                        archive=args.tar,
                        first_shard=first,
                    )
    except (ValueError, OSError) as error:
        console.print(f'[bold red]error:[/] {escape(str(error))}', highlight=False)
        return 1
    names = escape(', '.join(map(str, shards)))
    console.print(f'{format_count(args.images + args.val, "image")} in {names}', highlight=False)
    return 0


if __name__ == '__main__':
    sys.exit(run_tool(main))
