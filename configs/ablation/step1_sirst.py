# Roadmap step 1 on SIRST: + distilled backbone.
_base_ = './step0_sirst.py'

# No distilled weights are published with this package: give the path of yours, made by
# configs/distill or converted with `mmirstd convert simir-backbone SRC DST`.
model = dict(backbone=dict(weights='checkpoints/repvit_m1_1_distilled.pth'))
