"""Networks outside PyTorch: ONNX export, verification, quantisation and onnxruntime inference.

`mmirstd.export.runtime` imports neither torch nor MMSegmentation.
"""
