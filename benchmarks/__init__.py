"""Cost of models: parameters, multiply-accumulates, time and memory."""
