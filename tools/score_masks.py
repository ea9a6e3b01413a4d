"""The same as `mmirstd score`, for `mim run mmirstd score_masks`."""

from mmirstd.cli.commands.score import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
