"""Freezing a version: its number, its membership and everything its papers say, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.errors import NotAllowed, Refused
from collector.models import AuditEntry, Campaign, Category, Person, Role, Submission
from collector.near_queries import NEAR
from exports import about, capture, membership, naming, queries, selection, splits, tokens
from exports.columnar import content_hash
from exports.failpoints import reach
from exports.licences import LICENCES, fitting, may_hold, most_demanding
from exports.models import Chosen, Dataset, DatasetVersion
from exports.preferences import freeze_preferences
from exports.winnow import ShareTooSmall
from exports.writers import preferences
from exports.writers.formats import FORMATS

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from exports.filters import Filter

BUILDS_AT_ONCE = 2
NAMED = 20


class BadRequest(ValidationError):
    """The name, the filter or a format can't be; messages by field."""


class NotALead(NotAllowed):
    """Only campaign leads and admins release."""

    code = "not_a_lead"


class NothingApproved(Refused):
    """The filter chooses no approved record."""

    code = "nothing_approved"


class LicencesDontFit(Refused):
    """Some chosen records can't be released under the version's licence; ``records`` has the first of their ids."""

    code = "licences_dont_fit"

    def __init__(self, message: object, records: list[str]) -> None:
        super().__init__(message)
        self.records = records


class ContributorsShare(Refused):
    """No selection keeps every contributor under the filter's share."""

    code = "contributors_share"


class NothingChanged(Refused):
    """``version`` already holds exactly this."""

    code = "nothing_changed"

    def __init__(self, message: object, version: DatasetVersion) -> None:
        super().__init__(message)
        self.version = version


class TooManyBuilds(Refused):
    """The person has one version being built and one waiting."""

    code = "too_many_builds"
    wait = 10  # seconds, after which it is worth asking again


def request_version(
    *,
    name: str,
    filter: Filter,
    formats: Sequence[str],
    by: Person | None,
    now: datetime,
    url: str = "",
    highest_on_disk: int = 0,
    licence: str = "",
    shares: splits.Shares = splits.DEFAULT,
    near: selection.Near | None = None,
) -> DatasetVersion:
    """Freeze what the filter chooses now as the dataset's next version; its files come later.

    ``by`` is None for the management command. ``licence`` (SPDX) is the version's; left out, it is the data licence of
    the campaigns that the records are from where they agree, else the most demanding of the records' own. ``shares``
    decide about records that no earlier version of the dataset has: the others keep their split. ``near`` is what
    ``compare`` found, for a caller that opens a transaction around this.
    ``highest_on_disk`` keeps a number from coming twice where a database was replaced and its files were not. The same
    request while its version is being built returns that one.

    Raises:
        BadRequest: a name, format, campaign or category that can't be.
        NotALead: the person may not release.
        TooManyBuilds: the person has two versions under way.
        NothingApproved: nothing to release.
        ContributorsShare: too few people wrote for the filter's greatest share of one.
        LicencesDontFit: some records may not be released under the version's licence; they are named.
        NothingChanged: the newest version with this filter holds exactly this, in these formats.
    """
    _require_lead(by)
    check_request(name=name, filter=filter, formats=formats, licence=licence)
    near_duplicates = near or compare(by=by, filter=filter)

    @transaction.atomic
    def request() -> tuple[DatasetVersion, DatasetVersion | None]:
        Dataset.objects.get_or_create(name=name)
        # The lock makes requests for one dataset wait for each other: numbers and “nothing changed” hold.
        dataset = Dataset.objects.select_for_update().get(name=name)
        wanted = (filter, sorted(set(formats)), by, now, url, highest_on_disk, licence, shares, near_duplicates)
        version = _freeze(dataset, *wanted)
        if (known := _equal_version(version)) is not None:
            transaction.set_rollback(True)
            return version, known
        _too_many(version, by)
        membership.freeze_removals(version)
        membership.freeze_semantic_version(version)
        AuditEntry.objects.create(
            by=by,
            verb="dataset.requested",
            target=str(version),
            at=now,
            detail={"rows": version.rows, "filter": version.filter},
        )
        return version, None

    version, known = request()
    if known is not None:
        if known.is_building:
            return known
        raise NothingChanged(
            _(
                "Nothing changed since %(version)s: it holds the same %(rows)s records (%(filter)s). "
                "No new version was made."
            )
            % {"version": known.label, "rows": f"{known.rows:,}", "filter": known.filter_in_words},
            known,
        )
    reach("after-freeze")
    return version


def compare(*, by: Person | None, filter: Filter) -> selection.Near:
    """Find the near-duplicates among what the filter chooses: seconds of work that must not hold a lock.

    What comes between this and the freeze is compared there.

    Raises:
        NotALead: the person may not release.
    """
    _require_lead(by)
    if filter.tokenizer:
        tokens.counted(queries.chosen(filter), filter.tokenizer)  # and kept: no lock waits for it
    return selection.compared(filter)


def _require_lead(by: Person | None) -> None:
    if by is not None and not by.has_role(Role.LEAD):
        raise NotALead(_("Only a campaign lead or an admin can release a version."))


def attach_job(*, version: DatasetVersion, job_id: uuid.UUID) -> None:
    """Note which background job builds the version."""
    DatasetVersion.objects.filter(pk=version.pk).update(job=job_id)
    version.job = job_id


def check_request(*, name: str, filter: Filter, formats: Sequence[str], licence: str) -> None:
    """Refuse what no version can be made of.

    Raises:
        BadRequest: a name, format, campaign, category or licence that can't be.
    """
    errors: dict[str, list[str]] = {}
    try:
        naming.valid_name(name)
    except naming.BadName as error:
        errors["name"] = [str(error)]
    if unknown := sorted(set(formats) - set(FORMATS)):
        errors["formats"] = [
            _("There is no format %(unknown)s; there are %(known)s.")
            % {"unknown": ", ".join(unknown), "known": ", ".join(FORMATS)}
        ]
    known: dict[str, Any] = {
        "words": Category.objects.values_list("slug", flat=True),
        "campaigns": Campaign.objects.values_list("slug", flat=True),
        "categories": Category.objects.values_list("slug", flat=True),
        "licences": LICENCES,
    }
    for key, slugs in queries.unknown_parts(filter).items():
        errors[key] = [
            _("%(unknown)s does not exist; there are %(known)s.")
            % {"unknown": ", ".join(slugs), "known": ", ".join(known[key]) or _("none yet")}
        ]
    if filter.tokenizer:
        try:
            tokens.require(filter.tokenizer)
        except tokens.NoTokenizer as error:
            errors["tokenizer"] = [str(error)]
    if licence and licence not in LICENCES:
        errors["licence"] = [
            _("There is no licence %(unknown)s here; there are %(known)s.")
            % {"unknown": licence, "known": ", ".join(LICENCES)}
        ]
    if errors:
        raise BadRequest(errors)


def _freeze(
    dataset: Dataset,
    filter: Filter,
    formats: list[str],
    by: Person | None,
    now: datetime,
    url: str,
    highest_on_disk: int,
    licence: str,
    shares: splits.Shares,
    near: selection.Near,
) -> DatasetVersion:
    with capture.captured(filter) as held:
        licences = dict(held.order_by().values_list("licence").annotate(rows=Count("pk")))
        if not licences:
            raise NothingApproved(_nothing_message(filter))
        licence = licence or _own_licence(held, licences)
        _require_fitting(held, licences, licence)
        chosen = _select(held, filter, shares, dataset, near)
        version = _new_version(dataset, filter, formats, by, now, url, highest_on_disk, licence, shares, chosen)
        membership.freeze_placements(version, chosen, shares)
        membership.freeze_records(version, held, shares)
    counted = dict(version.records.order_by().values_list("split").annotate(rows=Count("pk")))
    version.splits = {split: counted[split] for split in splits.SPLITS if split in counted}
    version.rows = sum(counted.values())
    version.about |= about.of_records(version)
    if preferences.FOLDER in formats:
        version.about["preferences"] = freeze_preferences(version)
    version.content_hash = content_hash(version)
    version.save(update_fields=["splits", "rows", "about", "content_hash"])
    return version


def _new_version(
    dataset: Dataset,
    filter: Filter,
    formats: list[str],
    by: Person | None,
    now: datetime,
    url: str,
    highest_on_disk: int,
    licence: str,
    shares: splits.Shares,
    chosen: selection.Selection,
) -> DatasetVersion:
    if not chosen.rows:
        raise NothingApproved(
            _(
                "There is nothing to release: the filter chooses %(rows)s records and leaves all %(rows)s of them out. "
                "Widen its bounds."
            )
            % {"rows": f"{len(chosen.ids):,}"}
        )
    dataset.last_number = max(dataset.last_number, highest_on_disk) + 1
    dataset.save(update_fields=["last_number"])
    return DatasetVersion.objects.create(
        dataset=dataset,
        number=dataset.last_number,
        filter=filter.as_dict(),
        filter_hash=filter.sha256(),
        parent=queries.latest_ready(dataset.name),
        licence=licence,
        formats=formats,
        rows=chosen.rows,
        about=about.of_installation(dataset.name, dataset.last_number, url)
        | {"shares": list(shares), "split_rule": splits.rule(shares), "left_out": chosen.reasons, "near": NEAR}
        | {"configurations": True}
        | ({"tokenizer": tokens.described(filter.tokenizer)} if filter.tokenizer else {}),
        created_by=by,
        created_at=now,
        frozen_at=now,
    )


def _own_licence(held: QuerySet[Chosen], licences: dict[str, int]) -> str:
    of_campaigns = set(held.order_by().values_list("campaign_licence", flat=True).distinct())
    return of_campaigns.pop() if len(of_campaigns) == 1 else most_demanding(licences)


def _require_fitting(held: QuerySet[Chosen], licences: dict[str, int], licence: str) -> None:
    wrong = sorted(spdx for spdx in licences if not may_hold(licence, spdx))
    if not wrong:
        return
    unfit = held.filter(licence__in=wrong).order_by("submission_id")
    ids = [str(key) for key in unfit.values_list("submission_id", flat=True)[:NAMED]]
    rows = sum(licences[spdx] for spdx in wrong)
    others = [spdx for spdx in fitting(licences) if spdx != licence]
    message = ngettext(
        "%(shown)s record under %(wrong)s can't be released under %(licence)s: %(ids)s.",
        "%(shown)s records under %(wrong)s can't be released under %(licence)s: %(ids)s.",
        rows,
    ) % {
        "shown": f"{rows:,}",
        "wrong": ", ".join(wrong),
        "licence": licence,
        "ids": ", ".join(ids) + (", …" if rows > len(ids) else ""),
    }
    if others:
        advice = _("Leave them out by choosing licences, or release under %(others)s.") % {"others": ", ".join(others)}
    else:
        advice = _("No one licence fits them all. Leave some out by choosing licences.")
    raise LicencesDontFit(f"{message} {advice}", ids)


def _nothing_message(filter: Filter) -> str:
    approved = Submission.objects.approved().count()
    if approved == 0:
        return _(
            "There is nothing to release: no submission is approved yet. Review some, or import a dataset as approved."
        )
    return _(
        "There is nothing to release: none of the %(approved)s approved records fits %(filter)s. Widen the filter."
    ) % {
        "approved": f"{approved:,}",
        "filter": filter.in_words().removeprefix("approved records with "),
    }


def _select(
    held: QuerySet[Chosen], filter: Filter, shares: splits.Shares, dataset: Dataset, near: selection.Near
) -> selection.Selection:
    try:
        return selection.select(held, filter=filter, shares=shares, dataset=dataset.name, near=near)
    except ShareTooSmall as error:
        message = ngettext(
            "One contributor wrote all of it, so nobody can be kept under %(percent)s %% of the records.",
            "With %(count)s contributors somebody always has at least %(least)s %% of the records, not %(percent)s %%.",
            error.contributors,
        )
        raise ContributorsShare(
            message % {"count": error.contributors, "least": error.least, "percent": filter.most_percent_from_one}
        ) from error


def _equal_version(version: DatasetVersion) -> DatasetVersion | None:
    """Return the newest other version with this filter if it holds the same, in these formats at least."""
    others = DatasetVersion.objects.filter(dataset=version.dataset, filter_hash=version.filter_hash).exclude(
        pk=version.pk
    )
    alive = others.filter(status__in=[DatasetVersion.Status.READY, DatasetVersion.Status.BUILDING])
    last = alive.select_related("dataset").order_by("-number").first()
    if last is None or last.content_hash != version.content_hash or not set(version.formats) <= set(last.formats):
        return None
    return last


def _too_many(version: DatasetVersion, by: Person | None) -> None:
    if by is None:
        return
    under_way = DatasetVersion.objects.building().filter(created_by=by).exclude(pk=version.pk).count()
    if under_way >= BUILDS_AT_ONCE:
        raise TooManyBuilds(_("You already have two versions being built. Wait until one of them is ready."))
