"""Output of detections: files, tables, videos, the evaluation report, the demo page."""
