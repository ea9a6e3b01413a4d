"""The same as `mmirstd make-scenes`, for `mim run mmirstd make_synthetic`."""

from mmirstd.cli.commands.make_scenes import main
from mmirstd.cli.stopping import run_tool

if __name__ == '__main__':
    raise SystemExit(run_tool(main))
