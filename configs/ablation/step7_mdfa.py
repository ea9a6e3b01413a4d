# Roadmap step 7 on MDFA: + queries and early prediction as prompts: the full model.
_base_ = './step6_mdfa.py'

model = dict(decode_head=dict(num_prompt_queries=8, dense_prompt=True))
