"""The nets that the study compares: each module of `nets/`, in the order of their PLACE."""

from importlib import import_module
from pkgutil import iter_modules

from mnist_study import nets

_MODULES = {
    net: import_module(f"{nets.__name__}.{net}") for _, net, _ in iter_modules(nets.__path__)
}

# Name to module, and name to what sentences call it.
MODULES = dict(sorted(_MODULES.items(), key=lambda item: (item[1].PLACE, item[0])))
NETS = {net: module.TITLE for net, module in MODULES.items()}
