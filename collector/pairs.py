"""The three texts of a pair, as they travel from a form or client to the actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext as _

from collector.languages import LONGEST_TAG, validate_language
from collector.text import is_blank, normalize_newlines, validate_text, word_count

if TYPE_CHECKING:
    from collector.models import Category


class Pair(Protocol):
    """Whatever holds the three texts: a draft, a revision."""

    instruction: str
    context: str
    response: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Pasted:
    """How much of a response was pasted: how often, and how many characters in all; never what it was."""

    count: int = 0
    characters: int = 0


NOTHING_PASTED = Pasted()


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a person wrote: the newlines of browsers made ours, nothing else changed.

    Attributes:
        language: the BCP 47 tag that they chose; "" where they were not asked.
    """

    instruction: str
    context: str
    response: str
    language: str = ""

    @classmethod
    def of(cls, instruction: str = "", context: str = "", response: str = "", language: str = "") -> Text:
        """Take the fields as a browser or client sent them."""
        return cls(
            instruction=normalize_newlines(instruction),
            context=normalize_newlines(context),
            response=normalize_newlines(response),
            language=language,
        )

    def validate(self, category: Category | None = None) -> None:
        """Refuse what can't be stored and, with a category, what is not complete.

        Raises:
            ValidationError: with one message list per field.
        """
        errors: dict[str, list[str]] = {}
        for name in ("instruction", "context", "response"):
            try:
                validate_text(getattr(self, name))
            except ValidationError as error:
                errors[name] = error.messages
        if self.language:
            try:
                validate_language(self.language)
                MaxLengthValidator(LONGEST_TAG)(self.language)
            except ValidationError as error:
                errors["language"] = error.messages
        if category is not None and not errors:
            if is_blank(self.instruction):
                errors["instruction"] = [_("Write an instruction.")]
            if is_blank(self.response):
                errors["response"] = [_("Write a response.")]
            if category.context == "required" and is_blank(self.context):
                errors["context"] = [
                    _("%(category)s works from a text: add the context.") % {"category": category.name}
                ]
        if errors:
            raise ValidationError(errors)

    def words(self) -> dict[str, int]:
        """Return the number of words of each text, by the names of Revision's fields."""
        return {
            "instruction_words": word_count(self.instruction),
            "context_words": word_count(self.context),
            "response_words": word_count(self.response),
        }

    def same_as(self, other: Pair) -> bool:
        """Say whether all three texts are equal, character by character, and the language where one was chosen."""
        texts = (self.instruction, self.context, self.response)
        is_language = not self.language or self.language == other.language
        return is_language and texts == (other.instruction, other.context, other.response)
