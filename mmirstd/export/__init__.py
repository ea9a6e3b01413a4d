"""Models outside of PyTorch: ONNX export, verification and quantisation.

What runs the exported files is `mmirstd.inference.onnx_detector`.
"""
