"""Models outside of PyTorch: ONNX export, verification and quantisation.

`mmirstd.inference.onnx_detector` runs the exported files.
"""
