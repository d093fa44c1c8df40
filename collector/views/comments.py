"""Writing in a submission's thread."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from collector.actions import comments
from collector.errors import Refused
from collector.forms import CommentForm
from collector.views.common import status_of
from collector.views.submissions import detail_page, find_visible

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from collector.views.common import PersonRequest


@require_POST
def comment(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Add a message; htmx gets the thread, a plain form the page again."""
    submission = find_visible(request, pk)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return detail_page(request, submission, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        comments.add_comment(submission=submission, text=form.cleaned_data["text"], by=request.user, now=timezone.now())
    except ValidationError as error:
        form.add_error("text", error.message_dict["text"])
        return detail_page(request, submission, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except Refused as refused:
        form.add_error(None, str(refused))
        return detail_page(request, submission, form=form, status=status_of(refused))
    if request.headers.get("HX-Request") == "true":
        return detail_page(request, submission, is_sent=True)
    return HttpResponseRedirect(f"{reverse('submission-detail', args=[pk])}#thread")
