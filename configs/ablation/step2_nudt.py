# Roadmap step 2 on NUDT-SIRST: + query design in the FPN.
_base_ = './step1_nudt.py'

model = dict(neck=dict(num_queries=4, dropout=0.5))
