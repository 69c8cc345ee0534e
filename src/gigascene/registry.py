"""The folder is the registry: a name is a module, loaded only when it is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from gigascene.model.errors import UnknownName


class Registry:
    """Names in one package folder, plus those that other distributions add by entry point.

    A module ``landsat_c2_l1.py`` is known as ``"landsat-c2-l1"`` and holds one
    object called `attr`. Modules whose name begins with an underscore are
    private. Nothing is imported until a name is looked up. The group of entry
    points has the package's name, such as ``gigascene.sensors``; a name in the
    folder cannot be replaced from outside.

    Parameters
    ----------
    package : str
        Such as ``"gigascene.sensors"``.
    attr : str
        Such as ``"SENSOR"``.
    kind : str
        Singular noun for messages, such as ``"sensor"``.
    """

    def __init__(self, package: str, attr: str, kind: str) -> None:
        self._package = package
        self._attr = attr
        self._kind = kind

    def names(self) -> tuple[str, ...]:
        """Every known name, sorted."""
        return tuple(sorted(self._modules().keys() | self._plugins().keys()))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> Any:
        modules = self._modules()
        if name in modules:
            return getattr(import_module(modules[name]), self._attr)
        plugins = self._plugins()  # which takes the metadata of all distributions: 5 ms
        if name in plugins:
            return plugins[name].load()
        known = self.names()
        closest = next(iter(get_close_matches(name.lower().replace("_", "-"), known)), "")
        raise UnknownName(name, self._kind, closest, known)

    def _modules(self) -> dict[str, str]:
        spec = find_spec(self._package)
        folders = spec.submodule_search_locations if spec else None
        found = [module.name for module in iter_modules(folders or []) if not module.name.startswith("_")]
        return {name.replace("_", "-"): f"{self._package}.{name}" for name in found}

    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self._package)}


SENSORS = Registry("gigascene.sensors", "SENSOR", "sensor")
PRODUCTS = Registry("gigascene.products", "PRODUCT", "product")
WRITERS = Registry("gigascene.writers", "WRITER", "writer")
ENGINES = Registry("gigascene.engines", "ENGINE", "engine")
