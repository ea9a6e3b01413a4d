"""The same as `mmirstd convert-labels`, for `mim run mmirstd convert_labels`."""

from mmirstd.cli.commands.convert_labels import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
