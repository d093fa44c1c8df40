"""What the two editors share: how a text is shown, kept, and chosen where there are two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from collector.actions.drafts import StaleDraft
from collector.errors import Conflict
from collector.forms import PairForm
from collector.views.common import status_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from collector.errors import Refused
    from collector.models import Draft, Revision
    from collector.views.common import PersonRequest

TEXTS = ("instruction", "context", "response")
PASTED = ("pasted_count", "pasted_characters")
CARRIED = ("id", "version", "base_revision", *TEXTS, "language", *PASTED, "passage", "source_title", "source_url")


class AnotherPerson(Conflict):
    """The text was written by somebody who is no longer the one signed in here."""

    code = "another_person"


def require_same_person(request: PersonRequest) -> None:
    """Refuse a text from a page that another person had opened: it must not become somebody else's.

    Raises:
        AnotherPerson: naming who is signed in now.
    """
    wrote = request.POST.get("person", "")
    if wrote and wrote != request.user.handle:
        raise AnotherPerson(
            _("%(person)s is signed in now, so nothing was saved. Sign in again as yourself; your text is still here.")
            % {"person": request.user.display_name}
        )


def shown(text: Draft | Revision) -> dict[str, Any]:
    """Return what an editor shows of a stored text."""
    return {name: getattr(text, name) for name in (*TEXTS, "language", *PASTED)}


def typed(request: HttpRequest) -> dict[str, Any]:
    """Return what the person had in the editor, to show it again."""
    return {name: request.POST[name] for name in CARRIED if name in request.POST}


def chosen(request: HttpRequest, draft: Draft | None) -> PairForm:
    """Return the editor after the person chose between two texts: ``take`` is ``theirs`` (the newer save) or ``mine``.

    Either way the next save follows the newer one.
    """
    initial = typed(request)
    if draft is not None:
        initial["version"] = draft.version
        if request.POST["take"] == "theirs":
            initial |= shown(draft)
    return PairForm(initial=initial)


def draft_saved(draft: Draft) -> JsonResponse:
    """200: the version that the next save names, and the time of day in the person's zone."""
    return JsonResponse({"version": draft.version, "saved_at": timezone.localtime(draft.updated_at).strftime("%H:%M")})


def draft_unreadable(form: PairForm) -> JsonResponse:
    """400: nothing was saved; messages per field."""
    errors = {name: [str(message) for message in messages] for name, messages in form.errors.items()}
    return JsonResponse({"errors": errors}, status=400)


def save_refused(refused: Refused) -> JsonResponse:
    """Say why nothing was saved; a newer save comes along, so that both texts can be shown."""
    body: dict[str, object] = {"detail": str(refused), "code": refused.code}
    if isinstance(refused, StaleDraft):
        body["draft"] = shown(refused.draft) | {"version": refused.draft.version}
    return JsonResponse(body, status=status_of(refused))
