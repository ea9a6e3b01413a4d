"""What goes wrong in exporting."""


class ExportError(RuntimeError):
    """The model could not be exported, or the exported one computes something else."""
