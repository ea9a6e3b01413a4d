"""The error of the export."""


class ExportError(RuntimeError):
    """The model could not be exported, or the exported model gives other results."""
