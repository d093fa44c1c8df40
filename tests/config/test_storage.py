from __future__ import annotations

import re
import shutil
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from config.storage import ModuleStaticFilesStorage


def test_modules_import_each_other_by_the_name_that_pages_load(tmp_path: Path) -> None:
    shutil.copytree(Path(settings.BASE_DIR) / "static", tmp_path / "static")
    source = FileSystemStorage(location=tmp_path / "static")
    names = [path.relative_to(tmp_path / "static").as_posix() for path in (tmp_path / "static").rglob("*.*")]
    storage = ModuleStaticFilesStorage(location=tmp_path / "static", base_url="/static/")
    failed = [
        result
        for _name, _hashed, result in storage.post_process({name: (source, name) for name in names})
        if isinstance(result, Exception)
    ]
    assert failed == []
    sheet = (tmp_path / "static" / storage.hashed_files["js/sheet.js"]).read_text()
    imported = set(re.findall(r'from "\./([^"]+)"', sheet))
    assert Path(storage.hashed_files["js/site.js"]).name in imported
    assert not imported & {Path(name).name for name in names}
