"""The same as `mmirstd export`, for `mim run mmirstd export`."""

from mmirstd.cli.commands.export import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
