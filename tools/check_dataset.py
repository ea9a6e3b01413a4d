"""The same as `mmirstd check`, for `mim run mmirstd check_dataset`."""

from mmirstd.cli.commands.check import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
