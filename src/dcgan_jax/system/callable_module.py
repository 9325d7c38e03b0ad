"""Packages that can be called like the function that bears their name."""

import importlib
import sys
import types
from typing import Any, ClassVar


class _CallableModule(types.ModuleType):
    """A package whose call goes to a function of one of its modules."""

    targets: ClassVar[dict[str, str]] = {}

    def __call__(self, *args: Any, **settings: Any) -> Any:
        module, _, function = self.targets[self.__name__].partition(":")
        return getattr(importlib.import_module(module), function)(*args, **settings)


def make_callable(package: str, target: str) -> None:
    """Let a package be called.

    Its modules are imported as before; the function's module is imported by the first
    call.

    Args:
        package: the package's name, which is `__name__` in its `__init__.py`.
        target: the function, written as `package.module:function`.
    """
    _CallableModule.targets[package] = target
    sys.modules[package].__class__ = _CallableModule
