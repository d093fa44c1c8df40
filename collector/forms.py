"""Forms keep text exactly as it was typed and say what is wrong at the field."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.models import PassageSkip, Person, Review, ReviewReason, Team
from collector.pairs import Pasted, Text
from collector.text import normalize_newlines, validate_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.exceptions import ValidationError
    from django.forms.boundfield import BoundWidget
    from django.http import HttpRequest

    from collector.models import CannedReason

MOST_COUNTED = 2_147_483_647  # what a PositiveIntegerField holds
MOST_DIGITS = 10
CANNED_SHOWN = 4
LINK_SESSION_KEY = "invitation_link"


class VerbatimField(forms.CharField):
    """A text that is neither stripped nor shortened; what can't be stored is refused with its place."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, required=False, **options)
        # Instead of Django's own rule about NUL, which doesn't say where it is.
        self.validators = [validate_text]

    def to_python(self, value: Any) -> str:
        """Make the newlines of browsers ours, so that positions and lengths are those of the stored text."""
        return normalize_newlines(super().to_python(value) or "")


class CountField(forms.IntegerField):
    """A figure that the page counts by itself: what is no count is none, and nobody's text is refused for it."""

    widget = forms.HiddenInput

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def clean(self, value: Any) -> int:
        """Return a whole number that the database can keep: 0 for anything else, the largest for more."""
        text = str(value or "").strip()
        if not text.isascii() or not text.isdecimal():
            return 0
        # Thousands of digits are more than int() reads.
        return min(int(text), MOST_COUNTED) if len(text) <= MOST_DIGITS else MOST_COUNTED

    def bound_data(self, data: Any, initial: Any) -> int:  # noqa: ARG002 - as Django calls it
        """Show a refused form with the figure that was understood."""
        return self.clean(data)


class Refusable(forms.Form):
    """A form at whose fields an action's messages can be shown."""

    def add_refusal(self, error: ValidationError) -> None:
        """Put an action's messages where they belong."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, messages in error.message_dict.items():
            for message in messages:
                self.add_error(name if name in self.fields else None, message)


class PairForm(Refusable):
    """Instruction, context and response."""

    instruction = VerbatimField(label=_("Instruction"), help_text=_("What you would ask a colleague to do."))
    context = VerbatimField(label=_("Context"), help_text=_("The text to work from, word for word."))
    response = VerbatimField(label=_("Response"), help_text=_("The answer you would be glad to get."))
    id = forms.UUIDField(widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, required=False)
    base_revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0, required=False)
    passage = forms.CharField(widget=forms.HiddenInput, max_length=80, required=False)
    language = forms.CharField(label=_("Language"), max_length=35, required=False)
    source_title = forms.CharField(label=_("Title of the source"), max_length=300, required=False)
    source_url = forms.URLField(
        label=_("Address of the source"), max_length=1000, required=False, assume_scheme="https"
    )
    pasted_count = CountField()
    pasted_characters = CountField()

    @property
    def pasted(self) -> Pasted:
        """How much of the response was pasted, once the form is valid."""
        return Pasted(count=self.cleaned_data["pasted_count"], characters=self.cleaned_data["pasted_characters"])

    @property
    def text(self) -> Text:
        """The pair, once the form is valid."""
        return Text.of(*(self.cleaned_data[name] for name in ("instruction", "context", "response", "language")))


class CannedBoxes(forms.CheckboxSelectMultiple):
    """Checkboxes that carry the words they stand for, so that the page can put them into the comment at once."""

    canned: Sequence[CannedReason] = ()

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        """Draw one box, with its reason's code and its text."""
        option = super().create_option(name, value, *args, **options)
        for reason in self.canned:
            if str(reason.pk) == str(value):
                option["attrs"] |= {"data-reason": reason.reason, "data-text": reason.text}
        return option


def _rating(label: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label,
        choices=[(number, str(number)) for number in range(1, 6)],
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )


class ReviewForm(forms.Form):
    """A decision, with its ratings, reasons and comment; or the text that a reviewer edits and approves.

    Args:
        canned: the canned reasons offered, the category's own first; ticking one adds its reason and, unless the page
            has already done so (``worded``), its text to the comment.
    """

    EDIT = "edit_and_approve"

    decision = forms.ChoiceField(
        choices=[*Review.Decision.choices, (EDIT, _("Save and approve"))], widget=forms.HiddenInput
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    rating_instruction = _rating(_("Instruction"))
    rating_response = _rating(_("Response"))
    canned = forms.MultipleChoiceField(label=_("Common reasons"), required=False, widget=CannedBoxes)
    worded = forms.CharField(widget=forms.HiddenInput, required=False)
    reasons = forms.MultipleChoiceField(
        label=_("Reasons"), choices=ReviewReason.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    comment = VerbatimField(label=_("Comment to the author"), widget=forms.Textarea(attrs={"rows": 3}))
    instruction = VerbatimField(label=_("Instruction"))
    context = VerbatimField(label=_("Context"))
    response = VerbatimField(label=_("Response"))

    def __init__(self, *args: Any, canned: Sequence[CannedReason] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self._canned = {str(reason.pk): reason for reason in canned}
        self._first = sum(reason.category_id is not None for reason in canned) or CANNED_SHOWN
        field = self.fields["canned"]
        field.choices = [(key, reason.label) for key, reason in self._canned.items()]  # type: ignore[attr-defined]  # a MultipleChoiceField
        field.widget.canned = canned
        for name in ("instruction", "context", "response"):
            # The part's heading is the label; the fields lie outside the form's element.
            self.fields[name].widget.attrs |= {"form": "decision", "aria-labelledby": f"pair-{name}", "rows": 4}

    def clean(self) -> dict[str, Any]:
        """Add what the canned reasons stand for; refuse an edit whose text didn't arrive."""
        cleaned = super().clean() or self.cleaned_data
        chosen = [self._canned[key] for key in cleaned.get("canned", [])]
        cleaned["reasons"] = list(dict.fromkeys([*cleaned.get("reasons", []), *(one.reason for one in chosen)]))
        if not cleaned.get("worded") and "comment" in cleaned:
            written = cleaned["comment"]
            missing = [one.text for one in chosen if one.text not in written]
            cleaned["comment"] = "\n\n".join([*([written] if written.strip() else []), *missing]) or written
        if cleaned.get("decision") == self.EDIT and not {"instruction", "response"} <= self.data.keys():
            self.add_error(None, _("The edited text did not arrive. Open the edit again, then save it."))
        return cleaned

    @property
    def canned_first(self) -> list[BoundWidget]:
        """The canned reasons to show at once: the category's own, or the first general ones where it has none."""
        return list(self["canned"])[: self._first]

    @property
    def canned_more(self) -> list[BoundWidget]:
        """The canned reasons to fold away."""
        return list(self["canned"])[self._first :]

    @property
    def ratings(self) -> list[forms.BoundField]:
        """The two ratings, in the order in which the keys set them."""
        return [self["rating_instruction"], self["rating_response"]]

    @property
    def text(self) -> Text:
        """The edited pair, once the form is valid."""
        return Text.of(self.cleaned_data["instruction"], self.cleaned_data["context"], self.cleaned_data["response"])

    def add_refusal(self, error: ValidationError) -> None:
        """Put an action's messages where they belong."""
        for name, texts in error.message_dict.items():
            self.add_error(name if name in self.fields else None, texts)


class GoldForm(forms.Form):
    """What is right for a submission that measures reviewers, and why."""

    decision = forms.ChoiceField(label=_("The right decision"), choices=Review.Decision.choices)
    why = VerbatimField(
        label=_("Why"),
        help_text=_("Reviewers read this after they have decided."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SkipForm(forms.Form):
    """Why a contributor passes a passage by; the lead reads it."""

    prefix = "skip"

    reason = forms.ChoiceField(
        label=_("Why?"),
        choices=PassageSkip.Reason.choices,
        # The fields stand beside the passage and travel with the editor's form, so that no typed word is lost.
        widget=forms.RadioSelect(attrs={"form": "editor"}),
        error_messages={"required": _("Choose a reason: the campaign lead mends the passages by it.")},
    )
    note = forms.CharField(
        label=_("In your words, if you like"),
        help_text=_("The campaign lead reads it, with your name."),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"form": "editor"}),
    )


class CommentForm(forms.Form):
    """A message in a submission's thread; the action says how long it may be."""

    text = VerbatimField(label=_("Message"), widget=forms.Textarea(attrs={"rows": 3}))


class ProfileForm(forms.ModelForm[Person]):
    """What others see of a person, and what they want to get and see."""

    class Meta:
        model = Person
        fields = (
            "display_name",
            "handle",
            "team",
            "time_zone",
            "on_boards",
            "wants_digest",
            "wants_announcements",
            "wants_reminders",
            "weekends_count",
            "wants_celebrations",
        )

    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=[(name, name) for name in sorted(zoneinfo.available_timezones())]
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["on_boards"].required = False

    def clean_on_boards(self) -> str:
        """Leave it as it is where nothing was chosen."""
        chosen: str = self.cleaned_data["on_boards"] or self.initial["on_boards"]
        return chosen


class SignupForm(forms.Form):
    """What sign-up asks beside the address and the password."""

    display_name = forms.CharField(label=_("Your name"), max_length=80, validators=[validate_text])
    team = forms.ModelChoiceField(label=_("Team"), queryset=Team.objects.all(), required=False)
    time_zone = forms.CharField(widget=forms.HiddenInput(attrs={"data-guess": ""}), required=False)

    field_order = ("display_name", "email", "team", "password1", "password2")

    def signup(self, request: HttpRequest, user: Person) -> None:
        """Finish the account that allauth has made: team, zone, role, and what an invitation link gives."""
        from django.utils import timezone

        from collector.actions import invitations, people

        zone = self.cleaned_data["time_zone"]
        people.update_profile(
            person=user,
            display_name=self.cleaned_data["display_name"],
            handle=user.handle,
            team=self.cleaned_data["team"],
            time_zone=zone if zone in zoneinfo.available_timezones() else "UTC",
            by=user,
            now=timezone.now(),
        )
        people.welcome(person=user, now=timezone.now())
        token = request.session.pop(LINK_SESSION_KEY, "")
        link = invitations.find_link(token=token, now=timezone.now()) if token else None
        if link is not None:
            invitations.use_link(link=link, person=user, now=timezone.now())


class EraseForm(forms.Form):
    """The address of an account again, so that none is erased by a slip."""

    address = forms.CharField(label=_("Type the e-mail address of the account"), max_length=254)

    def __init__(self, *args: Any, expected: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.expected = expected
        self.fields["address"].help_text = expected

    def clean_address(self) -> str:
        """Compare, whatever the case."""
        typed: str = self.cleaned_data["address"]
        if typed.strip().lower() != self.expected.lower():
            raise forms.ValidationError(_("This is not the address of the account."))
        return typed
