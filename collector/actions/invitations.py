"""Inviting many: a link that several people may use, and a list of addresses."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Count, F
from django.utils.translation import gettext as _

from collector.actions.campaign_life import require_lead
from collector.actions.people import INVITATION_AGE, invite, set_role
from collector.errors import NotAllowed, Refused
from collector.models import AuditEntry, Invitation, InvitationLink, Person, Role, Team
from collector.text import token_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

LINK_AGE = timedelta(days=30)
MOST_USES, MOST_ROWS = 10_000, 2_000
HINT, MOST_FAILURES = 6, 3
BY_LEADS = (Role.CONTRIBUTOR, Role.REVIEWER)


class ListRefused(Refused):
    """A list of addresses has rows that can't be invited; nobody was."""

    code = "list_refused"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a list: whom to invite as what, or why not."""

    line: int
    email: str
    role: str
    team: Team | None
    problem: str = ""
    note: str = ""

    @property
    def is_new(self) -> bool:
        """Whether an invitation would be sent."""
        return not self.problem and not self.note


@transaction.atomic
def make_link(
    *, role: str, team: Team | None, most_uses: int, note: str, by: Person, now: datetime
) -> tuple[InvitationLink, str]:
    """Make a link with which up to ``most_uses`` people sign up; returns it and its token, which is kept nowhere.

    Raises:
        NotALead: as it says.
        ValidationError: with messages per field.
    """
    require_lead(by)
    if role not in BY_LEADS:
        raise ValidationError({"role": [_("A link invites contributors or reviewers.")]})
    if not 1 <= most_uses <= MOST_USES:
        raise ValidationError({"most_uses": [_("A link is for 1 to 10,000 people.")]})
    token = secrets.token_urlsafe(24)
    link = InvitationLink(
        token_hash=token_hash(token),
        hint=token[:HINT],
        note=note.strip(),
        role=role,
        team=team,
        made_by=by,
        created_at=now,
        expires_at=now + LINK_AGE,
        most_uses=most_uses,
    )
    link.full_clean(exclude=["made_by"])
    link.save()
    AuditEntry.objects.create(by=by, verb="invitation.link", target=link.hint, detail={"role": role}, at=now)
    return link, token


def usable_links(now: datetime) -> QuerySet[InvitationLink]:
    """Return the links with which somebody can sign up now; ``uses`` counts who did."""
    links = InvitationLink.objects.annotate(uses=Count("people"))
    return links.filter(revoked_at=None, expires_at__gt=now, uses__lt=F("most_uses"))


def find_link(*, token: str, now: datetime) -> InvitationLink | None:
    """Return the usable link of a token."""
    return usable_links(now).filter(token_hash=token_hash(token)).first()


@transaction.atomic
def use_link(*, link: InvitationLink, person: Person, now: datetime) -> bool:
    """Count a sign-up by the link and give its role and team; False where the last use was taken meanwhile."""
    locked = InvitationLink.objects.select_for_update(of=("self",), no_key=True).filter(pk=link.pk).first()
    if locked is None or locked.revoked_at is not None or locked.people.count() >= locked.most_uses:
        return False
    locked.people.add(person)
    if not (person.has_role(Role.REVIEWER) or person.has_role(Role.LEAD)):
        set_role(person=person, role=locked.role, by=locked.made_by, now=now)
    if person.team_id is None and locked.team_id is not None:
        person.team_id = locked.team_id
        person.save(update_fields=["team"])
    AuditEntry.objects.create(by=person, verb="invitation.used", target=locked.hint, at=now)
    return True


@transaction.atomic
def revoke_link(*, link: InvitationLink, by: Person, now: datetime) -> None:
    """Let nobody else sign up by the link; who did stays. Revoking twice is the same as once."""
    require_lead(by)
    if InvitationLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=now):
        AuditEntry.objects.create(by=by, verb="invitation.revoked", target=link.hint, at=now)


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, by: Person, now: datetime) -> None:
    """Make an invitation's link useless, unless it was accepted. Revoking twice is the same as once."""
    require_lead(by)
    gone, _by_model = Invitation.objects.filter(pk=invitation.pk, accepted_at=None).delete()
    if gone:
        AuditEntry.objects.create(by=by, verb="person.uninvited", target=invitation.email, at=now)


def read_list(*, rows: Sequence[Sequence[str]], by: Person, now: datetime) -> list[Row]:
    """Say of each row of a list whether it can be invited; four queries.

    Args:
        rows: the cells of each line: address, then role and team where given, in this order. A first line of headings
            is passed over, and so are empty lines.

    Raises:
        NotALead: as it says.
        Refused: more than 2,000 rows.
    """
    require_lead(by)
    if len(rows) > MOST_ROWS:
        raise Refused(_("At most 2,000 addresses at once; split the list."))
    teams = {team.name.casefold(): team for team in Team.objects.all()}
    cells = [[cell.strip() for cell in row] for row in rows]
    emails = {row[0].lower() for row in cells if row}
    members = set(_known(Person.objects.values_list("email", flat=True), emails))
    invited = set(
        _known(Invitation.objects.filter(accepted_at=None, expires_at__gt=now).values_list("email", flat=True), emails)
    )
    found: list[Row] = []
    seen: set[str] = set()
    for line, row in enumerate(cells, start=1):
        if not any(row) or (line == 1 and "@" not in row[0]):
            continue
        found.append(_read(line, [*row, "", ""][:3], teams, seen, members, invited, by))
        seen.add(found[-1].email)
    return found


def _known(emails: QuerySet[Person, str] | QuerySet[Invitation, str], wanted: set[str]) -> Iterable[str]:
    return (email.lower() for email in emails.filter(email__in=wanted))


def _read(
    line: int, row: list[str], teams: dict[str, Team], seen: set[str], members: set[str], invited: set[str], by: Person
) -> Row:
    email, role, team_name = row[0].lower(), row[1].lower() or Role.CONTRIBUTOR.value, row[2]
    problem = note = ""
    team = teams.get(team_name.casefold())
    try:
        validate_email(email)
    except ValidationError:
        problem = _("This is not an e-mail address.")
    if not problem and role not in Role.values:
        problem = _("The role is one of: %(roles)s.") % {"roles": ", ".join(Role.values)}
    elif not problem and role not in BY_LEADS and not by.has_role(Role.ADMIN):
        problem = _("Only an admin can invite leads and admins.")
    elif not problem and team_name and team is None:
        problem = _("There is no team of this name.")
    if not problem and email in seen:
        note = _("named twice")
    elif email in members:
        note = _("is here already")
    elif email in invited:
        note = _("was invited already")
    return Row(line=line, email=email[:254], role=role, team=team, problem=problem, note=note)


@transaction.atomic
def invite_list(*, rows: Sequence[Row], by: Person, now: datetime) -> int:
    """Invite everybody of a list who is new, all or nobody; a worker mails them. Returns how many.

    Raises:
        NotALead: as it says.
        ListRefused: a row has a problem.
        NotAllowed: a role that the person can't give.
    """
    require_lead(by)
    if any(row.problem for row in rows):
        raise ListRefused(_("Mend the lines that are marked first; nobody was invited."))
    if any(row.role not in BY_LEADS for row in rows) and not by.has_role(Role.ADMIN):
        raise NotAllowed(_("Only an admin can invite leads and admins."))
    made = [
        invite(email=row.email, role=Role(row.role), team=row.team, by=by, now=now)[0] for row in rows if row.is_new
    ]
    Invitation.objects.filter(pk__in=[invitation.pk for invitation in made]).update(mail_wanted=True)
    return len(made)


@transaction.atomic
def mail_again(*, invitation: Invitation, by: Person, now: datetime) -> None:
    """Let a worker mail an open invitation once more, with a new link; the one before no longer works."""
    require_lead(by)
    open_ones = Invitation.objects.filter(pk=invitation.pk, accepted_at=None)
    if open_ones.update(mail_wanted=True, mailed_at=None, mail_failures=0, expires_at=now + INVITATION_AGE):
        AuditEntry.objects.create(by=by, verb="person.invited_again", target=invitation.email, at=now)


def to_mail(now: datetime) -> QuerySet[Invitation]:
    """Return the invitations that wait for their mail."""
    waiting = Invitation.objects.filter(mail_wanted=True, mailed_at=None, accepted_at=None, expires_at__gt=now)
    return waiting.filter(mail_failures__lt=MOST_FAILURES).order_by("pk")


@transaction.atomic
def claim_mail(*, invitation: Invitation, now: datetime) -> str | None:
    """Take the sending of a mail upon oneself; returns its link's token, or None where another took it."""
    token = secrets.token_urlsafe(24)
    claimed = to_mail(now).filter(pk=invitation.pk).update(mailed_at=now, token_hash=token_hash(token))
    return token if claimed else None


@transaction.atomic
def release_mail(*, invitation: Invitation) -> None:
    """Say that a mail could not be sent; after three times a lead must ask for it again."""
    Invitation.objects.filter(pk=invitation.pk).update(mailed_at=None, mail_failures=F("mail_failures") + 1)
