"""Train: MMSegmentation's own train.py, so that `mim train mmirstd CONFIG` finds one."""

from mmirstd.stack import run_mmseg_tool

if __name__ == '__main__':
    run_mmseg_tool('train')
