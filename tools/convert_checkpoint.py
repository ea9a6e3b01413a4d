"""The same as `mmirstd convert`, for `mim run mmirstd convert_checkpoint`."""

from mmirstd.cli.commands.convert import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
