"""Everything the installation holds about a person, found by what refers to them: a new table is in it by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

from collector.models import Draft, Event, Person, Review, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet

# What would let somebody in, or is somebody else's: never handed out.
SECRET_FIELDS = frozenset(
    {
        *("password", "token", "token_hash", "token_secret", "secret", "key", "data", "credential"),
        *("sealed_url", "sealed_secret", "sealed_secret_before"),
    }
)
# Where the address of somebody may stand whom the person invited.
ADDRESSES = {("collector.Invitation", "invited_by"): "email", ("collector.AuditEntry", "by"): "target"}
DERIVED = frozenset({"collector.InstructionSignature", "collector.InstructionBand", "exports.Chosen"})


@dataclass(frozen=True)
class Holding:
    """The rows of one table that refer to a person in one way."""

    name: str
    rows: QuerySet[Any]
    address: str = ""
    """The field that may hold somebody's address."""
    own: str = ""
    """The address that may stand there."""

    def as_objects(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a plain object, without what is secret and without other people's addresses."""
        names = [field.attname for field in self.rows.model._meta.concrete_fields if field.name not in SECRET_FIELDS]
        for row in self.rows.order_by("pk").values(*names).iterator(chunk_size=500):
            if self.address and "@" in row[self.address] and row[self.address].lower() != self.own.lower():
                row[self.address] = ""
            yield row


def held_about(person: Person) -> Iterator[Holding]:
    """Yield what is held about a person, table by table; what they may not see yet is left out until they may."""
    yield Holding("person", Person.objects.filter(pk=person.pk))
    for model, path in _ways(Person):
        yield _way(model, path, person)
    for model, path in _ways(Submission):
        if path == "submission" or model is Draft:
            own = Submission.objects.filter(author=person).values("pk")
            yield Holding(f"of-my-pairs/{_name(model)}", _rows(model, f"{path}__in", own, person))


def held_in_apps(person: Person, apps: frozenset[str]) -> Iterator[Holding]:
    """Yield the rows about a person in these apps."""
    for model, path in _ways(Person):
        if model._meta.app_label in apps:
            yield _way(model, path, person)


def _ways(target: type[Model]) -> Iterator[tuple[type[Model], str]]:
    for relation in target._meta.get_fields(include_hidden=True):
        if not relation.auto_created or relation.concrete or not relation.is_relation or relation.many_to_many:
            continue
        model: Any = relation.related_model
        if model._meta.label not in DERIVED and model._meta.managed:
            yield model, relation.field.name  # type: ignore[union-attr]  # a reverse relation has one


def _rows(model: type[Model], path: str, value: object, person: Person) -> QuerySet[Any]:
    rows = model._default_manager.filter(**{path: value})
    if model is Review or model is Event:
        # What independent reviewers decided stays closed to the author until there is a verdict.
        rows = rows & model._default_manager.all().readable_by(person)
    return rows


def _way(model: type[Model], path: str, person: Person) -> Holding:
    address = ADDRESSES.get((model._meta.label, path), "")
    return Holding(f"{_name(model)}-{path}", _rows(model, path, person, person), address, person.email)


def _name(model: type[Model]) -> str:
    return f"{model._meta.app_label}-{model._meta.model_name}"


def held_by_others(model: type[Model], keys: list[Any]) -> set[Any]:
    """Return which rows other tables need to stay as they are, as a dataset version does what it holds."""
    held: set[Any] = set()
    for relation in model._meta.get_fields(include_hidden=True):
        if getattr(relation, "on_delete", None) is models.PROTECT and relation.auto_created:
            other: Any = relation.related_model
            if other._meta.app_label == model._meta.app_label:
                continue
            name = relation.field.name  # type: ignore[union-attr]  # a reverse relation has one
            held |= set(other._default_manager.filter(**{f"{name}__in": keys}).values_list(f"{name}_id", flat=True))
    return held
