"""The same as `mmirstd demo`, for `mim run mmirstd demo`."""

from mmirstd.cli.commands.demo import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
