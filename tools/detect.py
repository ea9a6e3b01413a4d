"""The same as `mmirstd detect`, for `mim run mmirstd detect`."""

from mmirstd.cli.commands.detect import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
