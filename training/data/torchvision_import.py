"""Import torchvision beside any build of torch.

The registry's torchvision for Linux is built against CUDA torch. Beside a CPU-only torch its
compiled operators do not load, and `import torchvision` stops with "operator torchvision::nms
does not exist", although everything used here (data sets, transforms) is pure Python.
"""

import sys
from types import ModuleType

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_libraries: list[object] = []  # a Library's registrations live as long as the object does


def import_torchvision() -> ModuleType:
    """Import torchvision with `datasets` and `transforms`, declaring its operators if need be.

    Where the compiled operators load, this is a plain import. It takes seconds: call it only
    where torchvision is needed.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        from torch.library import Library

        library = Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(operator + _SCHEMA)
        _libraries.append(library)
        import torchvision
    import torchvision.datasets
    import torchvision.transforms

    return torchvision
