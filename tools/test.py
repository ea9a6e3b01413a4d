"""Test: MMSegmentation's own test.py, so that `mim test mmirstd CONFIG` finds one."""

from mmirstd.stack import run_mmseg_tool

if __name__ == '__main__':
    run_mmseg_tool('test')
