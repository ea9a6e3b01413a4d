"""From an image to detections: sources, tiles, models of PyTorch and onnxruntime, results, tracks.

`mmirstd.inference.detector` and `mmirstd.inference.onnx_detector` import neither torch nor
MMSegmentation.
"""
