"""``croissant.json``: the version in MLCommons Croissant's vocabulary, so that dataset tools can read it unasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exports import responsible
from exports.composition import sentence
from exports.licences import facts
from exports.schema import COLUMNS, arrow_type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.composition import Counts
    from exports.release import Release
    from exports.writers.sink import FileEntry

# The context that the Croissant 1.1 specification prescribes for every document.
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
# What version 1.1 adds, and the vocabulary in which it recommends to tell where data comes from.
CONTEXT_1_1: dict[str, Any] = {
    **CONTEXT,
    "arrayShape": "cr:arrayShape",
    "containedIn": "cr:containedIn",
    "description": {"@container": "@language"},
    "isArray": "cr:isArray",
    "name": {"@container": "@language"},
    "prov": "http://www.w3.org/ns/prov#",
}
# What a column says of its record, in that vocabulary.
PROPERTIES = {"contributor": "prov:wasAttributedTo", "source_url": "prov:hadPrimarySource"}
DATA_TYPES = {"string": "sc:Text", "int32": "sc:Integer", "int16": "sc:Integer", "timestamp[us, tz=UTC]": "sc:Date"}


def render(*, release: Release, counts: Counts, files: Sequence[FileEntry]) -> str:
    """Return the document; ``files`` are the data files with their hashes."""
    parquet = [entry for entry in files if entry["path"].startswith("data/")]
    licence = facts(release.licence)
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": release.name,
        "description": f"{sentence(counts)}: instructions with responses, written and reviewed by people.",
        "url": release.about["url"],
        "license": licence.url or release.licence,
        "version": release.semantic_version,
        "datePublished": release.frozen_at.date().isoformat(),
        "citeAs": f"@misc{{{release.name}, title = {{{release.name} {release.version}}}, "
        f"year = {{{release.frozen_at.year}}}}}",
        "inLanguage": list(counts["languages"]),
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": entry["path"],
                "name": entry["path"],
                "contentUrl": entry["path"],
                "contentSize": f"{entry['bytes']} B",
                "encodingFormat": _media_type(entry["path"]),
                "sha256": entry["sha256"],
            }
            for entry in files
        ],
        "recordSet": [_record_set(entry["path"]) for entry in parquet],
    }
    if release.papers > 1:
        document |= _of_1_1(release, counts)
        for record_set in document["recordSet"]:
            for field in record_set["field"]:
                if field["name"] in PROPERTIES:
                    field["equivalentProperty"] = PROPERTIES[field["name"]]
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _of_1_1(release: Release, counts: Counts) -> dict[str, Any]:
    """Return what version 1.1 asks for: who made it, how (RAI 1.0), and where it comes from (PROV-O)."""
    names = {entry["slug"]: entry["name"] for entry in release.about["campaigns"]}
    makers = [
        {"@type": "sc:Organization", "name": f"The contributors of {names.get(slug, slug)}"}
        for slug in counts["campaigns"]
    ]
    return {
        "@context": CONTEXT_1_1,
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "creator": makers,
        "keywords": ["instruction tuning", "human-written", *counts["categories"]],
        **responsible.fields(release, counts),
        **responsible.provenance(release, counts),
    }


def _media_type(path: str) -> str:
    if path.endswith(".parquet"):
        return "application/x-parquet"
    return "application/jsonlines" if path.endswith(".jsonl") else "application/json"


def _record_set(path: str) -> dict[str, Any]:
    name = path.removeprefix("data/").removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "key": {"@id": f"{name}/id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "dataType": DATA_TYPES[arrow_type_name(column)],
                "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
            }
            for column in COLUMNS
        ],
    }
