"""Bringing rows of other datasets in, batch by batch, each row at most once a campaign."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from collector.actions import near
from collector.actions.campaigns import require_not_closed
from collector.actions.import_origins import TITLE_LENGTH, URL_LENGTH, address_fault, check_origin
from collector.actions.sources import source_person
from collector.errors import Refused
from collector.imports.rows import BadRow, Reject, Row
from collector.languages import validate_language
from collector.models import Event, ImportBatch, Licence, Revision, Submission
from collector.pairs import Text
from collector.text import fingerprint, instruction_fingerprint, is_blank, validate_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from collector.actions.import_origins import Origin
    from collector.models import Campaign, Category, Person

BATCH_ROWS = 1000
BATCH_CHARACTERS = 8_000_000  # so that a batch of the longest texts still fits into memory
LANGUAGE_LENGTH = 35
# For formats that name no category: what the pair looks like, by whether it has a text to work from.
WITHOUT_CATEGORY = {True: "closed_qa", False: "general_qa"}


class NothingToImport(Refused):
    """The file holds no row at all."""

    code = "nothing_to_import"


class UnknownCategory(Refused):
    """The campaign doesn't collect the category that was named."""

    code = "unknown_category"


@dataclass(kw_only=True)
class Outcome:
    """What became of the rows; ``rows`` is the sum of the three others."""

    added: int = 0
    repeated: int = 0
    rejected: int = 0
    without_category: int = 0

    @property
    def rows(self) -> int:
        """All rows that were read."""
        return self.added + self.repeated + self.rejected


@dataclass(frozen=True, slots=True)
class _Prepared:
    text: Text
    category: Category
    language: str
    licence: str
    title: str
    url: str
    fingerprint: str


@dataclass(kw_only=True)
class _Import:
    """One run: what doesn't change from batch to batch."""

    campaign: Campaign
    origin: Origin
    approved: bool
    by: Person | None
    now: datetime
    dry_run: bool
    categories: dict[str, Category]
    default: Category | None
    aliases: Mapping[str, str]
    outcome: Outcome = field(default_factory=Outcome)
    seen: set[str] = field(default_factory=set)  # filled by a dry run only, which writes nothing to compare with
    batch: ImportBatch | None = None
    author: Person | None = None
    began: float = field(default_factory=time.monotonic)


def import_rows(
    *,
    rows: Iterable[Row | Reject],
    origin: Origin,
    campaign: Campaign,
    approved: bool,
    by: Person | None,
    now: datetime,
    on_reject: Callable[[Reject], None],
    category: str = "",
    category_aliases: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Outcome:
    """Add each row that the campaign doesn't hold yet, as submitted or as approved.

    Each batch is one transaction, so a run that is cut off keeps whole batches and can simply be repeated. Rows that
    can't be kept are given to ``on_reject`` and never end the run. Imported approvals earn nobody points.

    Args:
        category: the slug for rows that name none; without it, closed_qa where there is a context and else general_qa.
        category_aliases: other datasets' names of categories, each with one of the campaign's slugs.
        dry_run: count, write nothing.

    Raises:
        CampaignClosed: its records are frozen.
        ValidationError: the origin's title, address, licence or language is not right.
        UnknownCategory: a category named here is not one of the campaign's.
        NothingToImport: there was no row at all.
    """
    require_not_closed(campaign)
    check_origin(origin)
    categories = {target.category.slug: target.category for target in campaign.targets.select_related("category")}
    for slug in [category, *(category_aliases or {}).values()]:
        if slug and slug not in categories:
            raise UnknownCategory(_unknown(slug, categories))
    run = _Import(
        campaign=campaign,
        origin=origin,
        approved=approved,
        by=by,
        now=now,
        dry_run=dry_run,
        categories=categories,
        default=categories.get(category),
        aliases=category_aliases or {},
    )
    waiting: list[_Prepared] = []
    characters = 0
    for row in rows:
        prepared = _prepared(run, row, on_reject)
        if prepared is None:
            continue
        waiting.append(prepared)
        characters += len(prepared.text.instruction) + len(prepared.text.context) + len(prepared.text.response)
        if len(waiting) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            _flush(run, waiting)
            waiting, characters = [], 0
    if not run.outcome.rows and not waiting:
        raise NothingToImport(f"{origin.file_name} holds no rows.")
    _flush(run, waiting, last=True)
    return run.outcome


def _unknown(name: str, categories: Mapping[str, Category]) -> str:
    known = ", ".join(sorted(categories)) or "none"
    return f"The campaign has no category {name[:100]!r}. It has: {known}."


def _prepared(run: _Import, row: Row | Reject, on_reject: Callable[[Reject], None]) -> _Prepared | None:
    """Return a row as it will be kept, or hand its rejection on."""
    if isinstance(row, Reject):
        reject = row
    else:
        try:
            return _prepare(run, row)
        except BadRow as bad:
            reject = Reject(line=row.line, raw=row.raw, reason=str(bad))
    run.outcome.rejected += 1
    on_reject(reject)
    return None


def _prepare(run: _Import, row: Row) -> _Prepared:
    text = Text.of(row.instruction, row.context, row.response)
    try:
        text.validate()
        for value in (row.source_title, row.source_url):
            validate_text(value)
    except ValidationError as error:
        faults = error.message_dict if hasattr(error, "error_dict") else {"source": error.messages}
        raise BadRow(" ".join(f"{name}: {' '.join(messages)}" for name, messages in faults.items())) from error
    if is_blank(text.instruction):
        raise BadRow("The instruction is blank.")
    if is_blank(text.response):
        raise BadRow("The response is blank.")
    if len(row.source_title) > TITLE_LENGTH or len(row.source_url) > URL_LENGTH:
        raise BadRow(f"The source's title or address is too long ({TITLE_LENGTH} and {URL_LENGTH} characters at most).")
    if fault := address_fault(row.source_url):
        raise BadRow(fault)
    return _Prepared(
        text=text,
        category=_category(run, row),
        language=_language(run, row.language),
        licence=_licence(run, row.licence),
        title=row.source_title or run.origin.title,
        url=row.source_url if row.source_title or row.source_url else run.origin.url,
        fingerprint=fingerprint(instruction=text.instruction, context=text.context, response=text.response),
    )


def _category(run: _Import, row: Row) -> Category:
    if not row.category:
        if run.default is not None:
            return run.default
        slug = WITHOUT_CATEGORY[not is_blank(row.context)]
        if slug not in run.categories:
            raise BadRow(f"The row names no category. Name one with --category: {', '.join(sorted(run.categories))}.")
        run.outcome.without_category += 1
        return run.categories[slug]
    name = run.aliases.get(row.category, row.category)
    # “Closed QA” and “closed-qa” are what others call closed_qa.
    found = run.categories.get(name) or run.categories.get(re.sub(r"[\s-]", "_", name.casefold()))
    if found is None:
        raise BadRow(_unknown(row.category, run.categories))
    return found


def _language(run: _Import, language: str) -> str:
    if not language:
        return run.origin.language or run.campaign.language
    try:
        validate_language(language)
    except ValidationError as error:
        raise BadRow(f"The language {language[:40]!r} is not a BCP 47 tag such as en or de-CH.") from error
    if len(language) > LANGUAGE_LENGTH:
        raise BadRow("The language tag is too long.")
    return language


def _licence(run: _Import, licence: str) -> str:
    if not licence:
        return run.origin.licence or run.campaign.data_licence
    if licence not in Licence.values:
        raise BadRow(f"The licence {licence[:60]!r} is not one of: {', '.join(Licence.values)}.")
    return licence


# -- Writing ----------------------------------------------------------------------------------------------


def _flush(run: _Import, waiting: list[_Prepared], *, last: bool = False) -> None:
    """Add one batch and bring the record of the run up to date, in one transaction."""
    fresh: dict[str, _Prepared] = {}
    for prepared in waiting:
        fresh.setdefault(prepared.fingerprint, prepared)
    if run.dry_run:
        added = len(fresh.keys() - _present(run.campaign, fresh) - run.seen)
        run.seen.update(fresh)
        run.outcome.added += added
        run.outcome.repeated += len(waiting) - added
        return
    with transaction.atomic():
        batch, author = _begin(run)
        present = _present(run.campaign, fresh)
        # In one order for everybody: two imports at once then wait for each other and never deadlock.
        chosen = [fresh[key] for key in sorted(fresh.keys() - present)]
        added = _add(run, batch, author, chosen)
        run.outcome.added += added
        run.outcome.repeated += len(waiting) - added
        batch.added, batch.repeated, batch.rejected = run.outcome.added, run.outcome.repeated, run.outcome.rejected
        if last:
            batch.finished_at = run.now + timedelta(seconds=time.monotonic() - run.began)
        batch.save()


def _begin(run: _Import) -> tuple[ImportBatch, Person]:
    if run.author is None:
        run.author = source_person(title=run.origin.title)
    if run.batch is None:
        run.batch = ImportBatch.objects.create(
            file_name=run.origin.file_name[:255],
            format=run.origin.format,
            campaign=run.campaign,
            by=run.by,
            started_at=run.now,
        )
    return run.batch, run.author


def _present(campaign: Campaign, fingerprints: Iterable[str]) -> set[str]:
    """Return which of these the campaign holds already, whoever brought them and whatever became of them."""
    keys = list(fingerprints)
    imported = Submission.objects.filter(campaign=campaign, import_fingerprint__in=keys)
    written = Revision.objects.filter(submission__campaign=campaign, fingerprint__in=keys)
    return {
        *imported.values_list("import_fingerprint", flat=True),
        *written.values_list("fingerprint", flat=True),
    }


def _add(run: _Import, batch: ImportBatch, author: Person, chosen: list[_Prepared]) -> int:
    """Write submissions with their first revision and history; returns how many were new after all.

    Another import may have brought a row since we looked: its submission is then left out by the unique constraint,
    so the rows that hang on submissions are written for those that are really there.
    """
    status = Submission.Status.APPROVED if run.approved else Submission.Status.SUBMITTED
    made = {uuid.uuid4(): prepared for prepared in chosen}
    Submission.objects.bulk_create(
        [
            Submission(
                id=key,
                author=author,
                campaign=run.campaign,
                category=prepared.category,
                status=status,
                revision_number=1,
                licence=prepared.licence,
                source_title=prepared.title,
                source_url=prepared.url,
                import_batch=batch,
                import_fingerprint=prepared.fingerprint,
                created_at=run.now,
                submitted_at=run.now,
                approved_at=run.now if run.approved else None,
                updated_at=run.now,
            )
            for key, prepared in made.items()
        ],
        ignore_conflicts=True,
    )
    kept = set(Submission.objects.filter(import_batch=batch, pk__in=made).values_list("pk", flat=True))
    Revision.objects.bulk_create(
        Revision(
            submission_id=key,
            number=1,
            instruction=prepared.text.instruction,
            context=prepared.text.context,
            response=prepared.text.response,
            language=prepared.language,
            **prepared.text.words(),
            fingerprint=prepared.fingerprint,
            instruction_fingerprint=instruction_fingerprint(
                instruction=prepared.text.instruction, context=prepared.text.context
            ),
            created_by=author,
            created_at=run.now,
        )
        for key, prepared in made.items()
        if key in kept
    )
    Event.objects.bulk_create(
        Event(
            submission_id=key,
            kind=Event.Kind.IMPORTED,
            by=run.by,
            at=run.now,
            revision_number=1,
            status_before=Submission.Status.DRAFT,
            status_after=status,
        )
        for key in kept
    )
    near.index_new(
        asked=[(key, prepared.text.instruction, prepared.text.context) for key, prepared in made.items() if key in kept]
    )
    return len(kept)
