"""What users see of detections: files, tables, videos, the evaluation report, the demo page."""
