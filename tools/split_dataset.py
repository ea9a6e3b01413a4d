"""The same as `mmirstd split`, for `mim run mmirstd split_dataset`."""

from mmirstd.cli.commands.split import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
