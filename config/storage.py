"""Static files in production: named by their content, imports between JavaScript modules included."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Rewrites ``import … from "./site.js"`` too: by two names, the browser would load and run a module twice."""

    support_js_module_import_aggregation = True
