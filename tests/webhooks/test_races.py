"""Workers at the same moment: a message goes out once, and recording waits for nobody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone

from webhooks import actions
from webhooks.models import Delivery, Endpoint, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


def together(work: Callable[[int], bool]) -> list[bool]:
    """Do the same in several threads, each over a connection of its own."""

    def one(number: int) -> bool:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_of_several_workers_one_gets_the_message(endpoint: Endpoint) -> None:
    now = timezone.now()
    delivery = actions.ping(endpoint=endpoint, now=now)
    got = together(lambda _number: actions.claim(delivery_id=delivery.pk, now=now) is not None)
    assert got.count(True) == 1
    assert Delivery.objects.get().attempts == 1


def test_what_happens_while_an_endpoint_is_removed_is_recorded_all_the_same(endpoint: Endpoint) -> None:
    def work(number: int) -> bool:
        if number == 0:
            actions.remove_endpoint(endpoint=endpoint, now=timezone.now())
            return True
        actions.record(kind=Kind.SUBMITTED, data={"number": number}, path="", now=timezone.now())
        return True

    assert together(work) == [True] * AT_ONCE
    assert Delivery.objects.due(timezone.now()).count() == 0
