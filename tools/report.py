"""The same as `mmirstd report`, for `mim run mmirstd report`."""

from mmirstd.cli.commands.report import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
