"""What a version says of itself for responsible use: Croissant's RAI vocabulary and the provenance of its records."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from exports.composition import is_much_from_one, largest_share
from exports.schema import iso

if TYPE_CHECKING:
    from exports.composition import Counts
    from exports.release import Release

MOST_SOURCES = 1_000  # named in the document; LICENSE names all


def fields(release: Release, counts: Counts) -> dict[str, Any]:
    """Return the fields of Croissant RAI 1.0 that can be told truthfully of these records."""
    about = release.about
    agreement = [of["decision"] for of in about["agreement"]["of"]]
    known = [estimate for estimate in agreement if estimate["value"] is not None]
    analysis = (
        "; ".join(
            f"Krippendorff's alpha of the decisions is {estimate['value']:.2f} over {estimate['size']:,} items that "
            "several reviewers judged"
            for estimate in known
        )
        if known
        else "Too few items were judged by several reviewers to tell how far they agree"
    )
    biases = [
        (
            f"{counts['contributors']:,} contributors in all; "
            f"the largest contribution is {largest_share(counts):.1%} of the records."
        )
    ]
    if is_much_from_one(counts):
        biases.append("Their style will show in a model trained on it.")
    if len(counts["languages"]) == 1:
        biases.append(f"Only one language ({next(iter(counts['languages']))}).")
    return {
        "rai:dataCollection": (
            "People wrote instructions with responses in their own words, under terms that exclude generated text and "
            "confidential or personal data; reviewers other than the authors approved each. Imported records name "
            "their source."
        ),
        "rai:dataCollectionType": ["Manual Human Curator"],
        "rai:dataCollectionTimeframe": list(about["approved"]),
        "rai:dataPreprocessingProtocol": [
            "Texts are as written; only CR LF became LF.",
            f"Chosen: {release.filter.in_words()}.",
            *(f"Left out: {rows:,} ({reason})." for reason, rows in about.get("left_out", {}).items()),
            f"Splits: {release.split_rule}",
        ],
        "rai:dataAnnotationProtocol": (
            "A reviewer sees the pair with its guidelines, not its author, and approves, rejects or requests changes, "
            "with reasons and a rating from 1 to 5."
        ),
        "rai:dataAnnotationPlatform": ["Woolgather"],
        "rai:dataAnnotationAnalysis": [f"{analysis}."],
        "rai:annotationsPerItem": "The column approvals counts the reviewers who approved the revision.",
        "rai:machineAnnotationTools": [
            "Checks for copied text, language, personal data, secrets, markers and near-duplicates; they only advise."
        ],
        "rai:dataBiases": [" ".join(biases)],
        "rai:dataLimitations": [
            "Reviewers judge what they can see; facts may be wrong or out of date.",
            *release.notes,
        ],
        "rai:dataUseCases": ["Fine-tuning and evaluating language models that follow instructions."],
        "rai:personalSensitiveInformation": [
            "Contributors appear under pseudonyms.",
            "The terms exclude personal data and reviewers reject what holds some; that none is left is not proved.",
        ],
        "rai:dataReleaseMaintenancePlan": (
            "Numbered versions that never change; what its author withdraws leaves all later ones, as CHANGES.md tells."
        ),
    }


def provenance(release: Release, counts: Counts) -> dict[str, Any]:
    """Return, in PROV-O's words, what the version was made from and how."""
    first, last = release.about["approved"]
    made_from: list[dict[str, Any]] = []
    if release.parent:
        made_from.append({"@id": f"urn:woolgather:{release.name}:{release.parent}"})
    addresses = dict.fromkeys(url for _title, url, _licence, _rows in release.sources if url)
    made_from += [{"@id": url} for url in islice(addresses, MOST_SOURCES)]
    told: dict[str, Any] = {
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": f"Writing and reviewing in {len(counts['campaigns'])} "
            f"{'campaign' if len(counts['campaigns']) == 1 else 'campaigns'}",
            "prov:startedAtTime": first,
            "prov:endedAtTime": last,
        },
        "prov:generatedAtTime": iso(release.frozen_at),
    }
    if made_from:
        told["prov:wasDerivedFrom"] = made_from
    return told
