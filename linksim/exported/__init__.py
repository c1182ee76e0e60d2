"""A codec's ends as files that run without linksim and without torch."""

from linksim.exported.onnx import Exported, export_onnx

__all__ = ["Exported", "export_onnx"]
