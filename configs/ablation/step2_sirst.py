# Roadmap step 2 on SIRST: + query design in the FPN.
_base_ = './step1_sirst.py'

model = dict(neck=dict(num_queries=4, dropout=0.5))
