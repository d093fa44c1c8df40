"""People at their browsers: who writes, who reviews, and the plain senders of one request after the other."""

from __future__ import annotations

import asyncio
import html
import random
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from benchmarks.crowd.meter import Meter

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
VALUE = re.compile(r'<input type="hidden" name="(id|version|passage|revision)"(?: value="([^"]*)")?')
# What a browser behind a proxy that ends TLS sends, with what the proxy adds.
FORWARDED = {"X-Forwarded-Proto": "https", "Origin": "https://localhost", "Host": "localhost"}
RETRIES = 400
PAUSE = 0.25
PATIENCE = 20.0
ARRIVAL = 4.0  # in pauses: as long as a person takes for a pair


class GivenUp(Exception):
    """The server did not take a request in any of many attempts."""


@dataclass
class Answer:
    """What came back."""

    status: int
    text: str
    location: str = ""


@dataclass
class Crowd:
    """Everybody shares one pool of connections and one meter."""

    address: str
    meter: Meter
    session: aiohttp.ClientSession
    is_forwarded: bool = True
    think: float = 0.0
    deadline: float = float("inf")
    acknowledged: dict[str, dict[str, str]] = field(default_factory=dict)
    decided: int = 0
    refused: list[str] = field(default_factory=list)
    resent: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(15_011))

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries; without a proxy the browser names the server itself."""
        return FORWARDED if self.is_forwarded else {"Origin": self.address}

    async def pause(self) -> None:
        """Wait about the time that people take: from half of it to half as much again, so that nobody keeps step."""
        await asyncio.sleep(self.think * self.chance.uniform(0.5, 1.5))

    async def arrive(self) -> None:
        """Come at some moment of the first minutes, as long as people pause at all: not all at once."""
        await asyncio.sleep(self.think * self.chance.uniform(0, ARRIVAL))

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.deadline


@dataclass
class Browser:
    """One person's browser: their session, and the token of their forms."""

    crowd: Crowd
    sessionid: str
    csrf: str = ""

    async def ask(self, kind: str, path: str, data: dict[str, str] | None = None) -> Answer:
        """Send one request; 503 and cut connections are tried again, as the editor does."""
        for attempt in range(RETRIES):
            self.crowd.resent += attempt > 0
            began = time.perf_counter()
            try:
                answer = await self._once(path, data)
            except (aiohttp.ClientError, TimeoutError):
                self.crowd.meter.cut += 1
                self.crowd.meter.longest[kind] = max(self.crowd.meter.longest[kind], time.perf_counter() - began)
            else:
                self.crowd.meter.add(kind, answer.status, time.perf_counter() - began)
                if answer.status != 503:
                    return answer
            await asyncio.sleep(PAUSE)
        raise GivenUp(path)

    async def _once(self, path: str, data: dict[str, str] | None) -> Answer:
        cookie = f"sessionid={self.sessionid}" + (f"; csrftoken={self.csrf}" if self.csrf else "")
        async with self.crowd.session.request(
            "GET" if data is None else "POST",
            self.crowd.address + path,
            data=data,
            headers={**self.crowd.headers, "Cookie": cookie},
            allow_redirects=False,
        ) as response:
            text = await response.text()
            if "csrftoken" in response.cookies:
                self.csrf = response.cookies["csrftoken"].value
            return Answer(response.status, text, response.headers.get("Location", ""))


def form_of(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    found = {name: html.unescape(value) for name, value in VALUE.findall(page)}
    token = TOKEN.search(page)
    return {**found, "csrfmiddlewaretoken": token.group(1) if token else ""}


async def write(browser: Browser, row: dict[str, str], *, number: int) -> None:
    """Write one pair as a person does: open the page, type with one or two autosaves, send, read that it was sent."""
    crowd = browser.crowd
    category = row["category"]
    page = await browser.ask("write page", f"/write/{category}/")
    if page.status != 200:
        crowd.refused.append(f"write page {page.status} {page.location}")
        return
    form = form_of(page.text)
    texts = {name: row[name] for name in ("instruction", "context", "response")}
    if number % 2 == 0:
        # Two seconds' pause in the middle of the response.
        begun = {**texts, "response": texts["response"][: len(texts["response"]) // 2]}
        await _autosave(browser, category, form, begun)
    await _autosave(browser, category, form, texts)  # as the editor does before it sends
    await crowd.pause()
    sent = await browser.ask("submit", f"/write/{category}/", {**form, **texts})
    if sent.status == 302 and "sent=1" in sent.location:
        crowd.acknowledged[form["id"]] = row
        await browser.ask("sent page", sent.location)
    else:
        crowd.refused.append(f"submit {sent.status} {sent.location}")


async def _autosave(browser: Browser, category: str, form: dict[str, str], texts: dict[str, str]) -> None:
    await browser.crowd.pause()
    saved = await browser.ask("autosave", f"/write/{category}/draft/", {**form, **texts})
    if saved.status == 200:
        form["version"] = re.search(r'"version": (\d+)', saved.text).group(1)  # type: ignore[union-attr]  # the view always says it
    elif saved.status == 409 and (newer := re.search(r'"version": (\d+)', saved.text)):
        form["version"] = newer.group(1)  # the newer save was our own, whose answer was cut off
    else:
        browser.crowd.refused.append(f"autosave {saved.status}")


async def visit(browser: Browser, rows: list[tuple[int, dict[str, str]]]) -> None:
    """Come by once: the start page, some pairs, a look at the leaderboard."""
    await browser.ask("home", "/")
    for number, row in rows:
        if browser.crowd.is_over:
            return
        await write(browser, row, number=number)
    await browser.ask("board", "/leaderboard/")


async def writer(crowd: Crowd, visits: Iterator[tuple[str, list[tuple[int, dict[str, str]]]]]) -> None:
    """Be one contributor after the other, as long as there are any."""
    await crowd.arrive()
    for sessionid, rows in visits:
        if crowd.is_over:
            return
        await visit(Browser(crowd, sessionid), rows)


async def reviewer(crowd: Crowd, sessionid: str, is_done: Callable[[], bool]) -> None:
    """Take the next item and approve it, until there is nothing more and nobody writes any more."""
    browser = Browser(crowd, sessionid)
    await crowd.arrive()
    while not crowd.is_over:
        given = await browser.ask("next item", "/review/")
        if given.status != 302:
            if is_done():
                return
            await asyncio.sleep(0.5)
            await crowd.pause()
            continue
        page = await browser.ask("review page", given.location)
        if page.status != 200:
            continue  # decided by an answer that was cut off, or taken by somebody else
        form = form_of(page.text)
        await crowd.pause()
        decision = {"decision": "approve", "rating_instruction": "4", "rating_response": "4", "comment": ""}
        answer = await browser.ask("decide", given.location, {**form, **decision})
        if answer.status == 302:
            crowd.decided += 1


async def hammer(requests: Iterator[Callable[[], Awaitable[Any]]], clients: int) -> float:
    """Send requests from so many clients, each one after the other; returns the seconds."""

    async def one() -> None:
        for request in requests:
            await request()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _client in range(clients):
            group.create_task(one())
    return time.perf_counter() - began


def pool(connections: int) -> aiohttp.ClientSession:
    """Return a session with so many connections, which keeps no cookies: each browser has its own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, force_close=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=PATIENCE),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
    )
