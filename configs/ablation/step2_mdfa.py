# Roadmap step 2 on MDFA: + query design in the FPN.
_base_ = './step1_mdfa.py'

model = dict(neck=dict(num_queries=4, dropout=0.5))
