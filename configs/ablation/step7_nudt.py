# Roadmap step 7 on NUDT-SIRST: + queries and early prediction as prompts: the full model.
_base_ = './step6_nudt.py'

model = dict(decode_head=dict(num_prompt_queries=8, dense_prompt=True))
