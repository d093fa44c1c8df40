"""Static files in production: named by their content, imports between JavaScript modules included."""

from __future__ import annotations

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

IMPORTS = HashedFilesMixin._js_module_import_aggregation_patterns[1]  # type: ignore[attr-defined]  # noqa: SLF001 - Django offers all scripts or none


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Rewrites ``import … from "./site.js"`` too: by two names, the browser would load and run a module twice.

    In our own modules alone: a library's comment such as ``@type {import("../htmx").Api}`` looks like one, too, and
    names a file that nobody has.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = ("js/*.js", IMPORTS)
