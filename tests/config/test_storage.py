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


def test_a_module_that_a_library_only_names_in_a_comment_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "part.js").write_text('/** @type {import("../whole").Api} */\nexport const api = 1;\n')
    storage = ModuleStaticFilesStorage(location=tmp_path, base_url="/static/")
    source = FileSystemStorage(location=tmp_path)
    results = list(storage.post_process({"library/part.js": (source, "library/part.js")}))
    assert [result for _name, _hashed, result in results if isinstance(result, Exception)] == []
    assert "library/part.js" in storage.hashed_files
