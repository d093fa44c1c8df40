"""Instructions to search among, and planted copies of them: with typing errors, and with small paraphrases."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from pathlib import Path

OPENERS = [
    "What is the difference between", "What are the main causes of", "Write a short story about", "How do I",
    "Give me ten ideas for", "Why does", "Classify each of these as", "Explain to a beginner", "Who was the first to",
    "Summarize what is known of", "List five kinds of", "Describe the history of", "Tell me how to", "Compare",
    "Which of these belong to", "Suggest a name for", "Where can I find", "When did", "Translate into plain words",
    "Draft an e-mail about", "Rewrite this sentence about", "Is it true that", "What should I know about",
    "Name three reasons for", "Make a plan for", "Identify the odd one out among",
]  # fmt: skip
GLUE = [
    "the", "of", "and", "in", "to", "a", "for", "with", "on", "that", "from", "by", "at", "as", "into", "about",
    "without", "between",
]  # fmt: skip
SYLLABLES = [
    "ba", "cor", "den", "fi", "gal", "hu", "jor", "ka", "lin", "mo", "nar", "pel", "qui", "ros", "sen", "tu", "vir",
    "wol", "yan", "zet", "stra", "mer", "dol", "tin", "cas", "bre",
]  # fmt: skip
# Said otherwise by somebody who means the same.
OTHERWISE = {
    "what is": "what's", "what are": "tell me", "give me": "provide", "list": "name", "write": "compose",
    "explain": "describe", "describe": "explain", "how do i": "how can i", "tell me": "explain", "create": "make",
    "best": "top", "some": "a few", "which": "which one", "big": "large", "good": "great", "main": "principal",
    "identify": "determine", "suggest": "propose", "summarize": "sum up", "the difference": "the differences",
    "short": "brief", "reasons": "causes", "kinds": "types", "people": "persons", "ways": "methods", "draft": "write",
}  # fmt: skip
NEIGHBOURING_KEYS = {
    letter: row[max(0, at - 1) : at] + row[at + 1 : at + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for at, letter in enumerate(row)
}


def generated(count: int, chance: random.Random) -> list[str]:
    """Return different instructions of invented words, as frequent as words are (Zipf's law), between real ones."""
    words = sorted({"".join(chance.choices(SYLLABLES, k=chance.choice([2, 2, 3, 3, 4]))) for _word in range(9000)})
    chance.shuffle(words)
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    made: dict[str, None] = {}
    while len(made) < count:
        said = [chance.choice(OPENERS)]
        for word in chance.choices(words, weights, k=min(40, 3 + int(chance.expovariate(0.2)))):
            said += [chance.choice(GLUE), word] if chance.random() < 0.45 else [word]
        made[" ".join(said) + "?"] = None
    return list(made)


def from_file(path: Path, count: int, apart: int, chance: random.Random) -> list[str]:
    """Return the file's instructions and, to make up the number, halves of two of them put together.

    The first ``apart`` are in no other: they are what nobody has asked. Of the others, each half put together is a
    near-duplicate of two by construction, so that the precision beyond the file's own size is lower than in life.
    """
    with path.open(encoding="utf-8") as file:
        real = list(dict.fromkeys(json.loads(line)["instruction"].strip() for line in file))
    chance.shuffle(real)
    halves = [words for text in real[apart:] if 4 <= len(words := text.split()) < 80]
    made = dict.fromkeys(real[:count])
    while len(made) < count:
        one, other = chance.choice(halves), chance.choice(halves)
        made[" ".join(one[: len(one) // 2] + other[len(other) // 2 :])] = None
    return list(made)


def with_typing_errors(text: str, chance: random.Random) -> str:
    """Return the text with one wrong word in each dozen: a letter twice, left out, changed or swapped."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for place in chance.sample(places, min(len(places), max(1, len(words) // 12))):
        words[place] = _mistyped(words[place], chance)
    return " ".join(words)


def _mistyped(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word) - 1)
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[: at + 1] + word[at:],
        word[:at] + chance.choice(NEIGHBOURING_KEYS.get(word[at].lower(), "x")) + word[at + 1 :],
    )
    return chance.choice(slips)


def paraphrased(text: str, chance: random.Random) -> str:
    """Return the text said a little otherwise: a word or phrase in ten exchanged, or one added or left out."""
    known = [phrase for phrase in OTHERWISE if re.search(rf"\b{phrase}\b", text, re.IGNORECASE)]
    chance.shuffle(known)
    for phrase in known[: max(1, len(text.split()) // 10)]:
        text = re.sub(rf"\b{phrase}\b", OTHERWISE[phrase], text, count=1, flags=re.IGNORECASE)
    words = text.split(" ")
    way = chance.randrange(4)
    if known and way:
        return text
    if way == 1 and len(words) > 6:
        del words[chance.randrange(1, len(words) - 1)]
    elif way == 2:
        words.append(chance.choice(["please", "briefly", "in detail"]))
    else:
        words = ["Please", words[0].lower(), *words[1:]]
    return " ".join(words)
