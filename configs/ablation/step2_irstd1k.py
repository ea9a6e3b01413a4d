# Roadmap step 2 on IRSTD-1k: + query design in the FPN.
_base_ = './step1_irstd1k.py'

model = dict(neck=dict(num_queries=4, dropout=0.5))
