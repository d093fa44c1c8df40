"""Static files in production: named by their content, imports between JavaScript modules included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

OWN_MODULES = ("js/", "vendor/")


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Rewrites ``import … from "./site.js"`` too: by two names, the browser would load and run a module twice.

    In our own modules alone: what a package brings may speak of imports in its comments, of files that are not there.
    """

    support_js_module_import_aggregation = True

    def url_converter(self, name: str, *args: Any, **named: Any) -> Callable[[re.Match[str]], str]:
        """Return what replaces a reference in a file."""
        if name.endswith(".js") and not name.startswith(OWN_MODULES):
            return lambda match: match.group(0)
        converter: Callable[[re.Match[str]], str] = super().url_converter(name, *args, **named)
        return converter
