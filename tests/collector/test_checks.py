"""The text checks: what they find, and what they leave alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import checks
from collector.checks import findings, language, markers, personal, secrets
from collector.pairs import Text

TEXTS = st.text(st.characters(codec="utf-8"), max_size=400)


def pair(response: str = "A short answer.", *, instruction: str = "Say something.", context: str = "") -> Text:
    return Text(instruction=instruction, context=context, response=response)


def codes(response: str, **fields: str) -> list[str]:
    return checks.codes(checks.find(pair(response, **fields), language="en"))


def test_an_ordinary_pair_has_no_findings() -> None:
    assert checks.find(pair("Light of short wavelength is scattered most, so the sky is blue."), language="en") == []


def test_a_blank_pair_has_no_findings() -> None:
    assert checks.find(Text(instruction="", context=" \n", response=""), language="en") == []


def test_a_finding_names_its_field_and_says_what_to_do() -> None:
    found = checks.find(pair(instruction="Write to anna.meyer@firma-meyer.de about it."))
    assert [(one.code, one.field, one.excerpts) for one in found] == [
        ("email", "instruction", ("anna.meyer@firma-meyer.de",))
    ]
    assert "Replace it" in found[0].message


def test_each_code_has_a_label() -> None:
    assert {"copied", "language", "email", "phone", "card", "secret", "marker", "invisible"} == set(checks.LABELS)


def test_excerpts_are_few_short_and_different() -> None:
    addresses = " ".join(f"person{number}@firma.de" for number in range(20)) + " person0@firma.de " + "x" * 50
    (found,) = checks.find(pair(addresses))
    assert len(found.excerpts) == 3
    assert len(set(found.excerpts)) == 3
    assert all(len(piece) <= findings.EXCERPT_LENGTH for piece in found.excerpts)


# -- Personal ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "write to anna.meyer+news@mail.firma.de.",
        "<ANNA@FIRMA.DE>",
        "mailto:anna@firma.de?subject=x",
        "(anna_b@x-y.co.uk)",
        "anna@firma.museum, please",
    ],
)
def test_addresses_are_found(text: str) -> None:
    assert len(personal.emails(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "@property\ndef a(self): ...",
        "name@example.com",
        "name@mail.example.org",
        "root@localhost",
        "a @ b.com",
        "user@host",
        "git@github",
        "3@4.5",
        "joe@smith.invalid",
    ],
)
def test_what_is_no_address_or_an_example_is_left_alone(text: str) -> None:
    assert personal.emails(text) == []


@pytest.mark.parametrize(
    "text",
    ["4539 1488 0343 6467", "4539-1488-0343-6467", "4539148803436467", "3714 496353 98431", "Card: 5500005555555559."],
)
def test_cards_are_found(text: str) -> None:
    assert len(personal.cards(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "4539 1488 0343 6468",  # the check digit is wrong
        "1234567890123456",
        "4444444444444444",
        "0000000000000000",
        "45391488034364671111111",  # part of a longer number
        "3.4539148803436467",
        "978-3-16-148410-0",
        "2023-04-12 10:00:00",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    ],
)
def test_what_is_no_card_is_left_alone(text: str) -> None:
    assert personal.cards(text) == []


def test_a_card_is_shown_by_its_last_digits_only() -> None:
    (found,) = checks.find(pair("Pay with 4539 1488 0343 6467."))
    assert found.code == "card"
    assert found.excerpts == ("•••• 6467",)


@given(st.text("0123456789", min_size=12, max_size=18))
def test_one_check_digit_in_ten_is_right(digits: str) -> None:
    assert sum(personal.luhn(f"{digits}{last}") for last in range(10)) == 1


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Call +1 415 555 2671 now", "en"),
        ("Call (415) 555-2671 now", "en-US"),
        ("Ruf +49 30 901820 an", "de"),
        ("Ruf 030 901820 an", "de"),
        ("Ring 020 7946 0018", "en-GB"),
        ("Tel: 01 42 68 53 00", "fr"),
    ],
)
def test_phone_numbers_are_found(text: str, tag: str) -> None:
    assert len(personal.phones(text, tag)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "1914-1918 and 1939-1945",
        "It costs 1,299.00 dollars",
        "2023-04-12",
        "192.168.100.200",
        "4158675309",
        "1 2 3 4 5 6 7 8",
        "(1912) 3 - 4",
        "ISBN 978-0-306-40615-7",
        "3.14159265358979",
        "10 000 000 000",
    ],
)
def test_what_is_no_phone_number_is_left_alone(text: str) -> None:
    assert personal.phones(text, "en") == []


def test_what_stands_in_the_campaigns_own_passage_is_not_held_against_the_author() -> None:
    passage = "Ask at info@museum-berlin.de for a ticket."
    text = pair("Write to info@museum-berlin.de.", context=passage)
    assert checks.find(text, passage=passage) == []
    assert checks.codes(checks.find(text)) == ["email"]


# -- Secrets ----------------------------------------------------------------------------------------------

# Put together here, so that no scanner of this repository takes them for real.
BODY = "b7Gx2Kq9Zr4Tn8Wd1Vm6Ys3Pf5Lh0Jc2Qa7Eu4Ri9"


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7QWERTYU",
        "ghp_" + BODY[:36],
        "github_pat_" + BODY,
        "glpat-" + BODY[:20],
        "xoxb-" + "7362514-" + BODY[:16],
        "AIza" + BODY[:35],
        "sk-ant-" + BODY,
        "sk-" + BODY,
        "hf_" + BODY[:34],
        "sk_live_" + BODY[:24],
        "npm_" + BODY[:36],
        "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiI5ODc2NSJ9" + "." + BODY,
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "-----BEGIN " + "PRIVATE KEY-----",
        "postgres://admin:" + BODY[:12] + "@db.internal/x",
        'api_key = "' + BODY[:32] + '"',
        "AWS_SECRET_ACCESS_KEY=" + BODY[:40],
        "Authorization: Bearer " + BODY[:32],
        "password: " + BODY[:18],
    ],
)
def test_keys_are_found_and_never_shown_whole(text: str) -> None:
    (found,) = checks.find(pair(f"Use this: {text} and go on."))
    assert found.code == "secret"
    assert found.excerpts
    assert BODY[4:16] not in " ".join(found.excerpts)


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn is a library",
        "the password is required and must be strong",
        "password: correcthorsebatterystaple",
        'api_key = "YOUR_API_KEY_GOES_HERE_1"',
        "api_key = os.environ['OPENAI_API_KEY']",
        "access_token=get_access_token_from_server",
        "https://user:password@example.com",
        "-----BEGIN CERTIFICATE-----",
        "eyJust a word",
        "AKIA is a prefix",
        "secret recipe 100% butterscotch",
        "bearer of bad news",
    ],
)
def test_what_is_no_key_is_left_alone(text: str) -> None:
    assert secrets.secrets(text) == []


# -- Markers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "### Response:",
        "x\n### Instruction:\ny",
        "### End",
        "### Input:",
        "a<|im_end|>b",
        "<|im_start|>user",
        "<|endoftext|>",
        "<|eot_id|>",
        "<|user|>",
        "<|begin_of_text|>",
        "<｜end▁of▁sentence｜>",
        "[INST] x [/INST]",
        "<<SYS>>",
        "<s>",
        "</s>",
        "<start_of_turn>model",
        "Human: hi\nAssistant: hello",
        "Assistant: hello",
        "\n\nUser: hi\n\nAI: hello",
        "Below is an instruction that describes a task.",
    ],
)
def test_markers_are_found(text: str) -> None:
    assert codes(f"Line.\n{text}") == ["marker"]


@pytest.mark.parametrize(
    "text",
    [
        "### Results\n\nThree.",
        "## How to respond: a guide",
        "The response: it depends.",
        "a < b | c > d",
        "x <| y",
        "f = g <| h |> i",
        "<strong>s</strong>",
        "<span>",
        "[INSTALL]",
        "As a human: be kind",
        "User: the one who uses it.",
        "The end.\nEnd",
        "# end",
        "if (a) { } // end",
    ],
)
def test_what_is_no_marker_is_left_alone(text: str) -> None:
    assert markers.markers(f"Line.\n{text}") == []


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\ufeff", "\u2060", "\U000e0041"])
def test_invisible_characters_are_named(character: str) -> None:
    (found,) = checks.find(pair(f"A{character}B answer."))
    assert found.code == "invisible"
    assert found.excerpts == (f"U+{ord(character):04X}",)


@pytest.mark.parametrize(
    "text",
    [
        "👩‍👩‍👧 a family",  # zero-width joiners
        "می‌خواهم",  # zero-width non-joiner, as Persian is written
        "שלום\u200f!",  # a direction mark
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
        "10\u00a0kg",
        "❤️",
    ],
)
def test_characters_that_scripts_need_are_left_alone(text: str) -> None:
    assert markers.invisible(text) == []


# -- Language ---------------------------------------------------------------------------------------------

GERMAN = "Der Himmel ist blau, weil kurzwelliges Licht in der Luft am stärksten gestreut wird."
FRENCH = "Le ciel est bleu parce que la lumière de courte longueur d'onde est la plus diffusée dans l'air."
ENGLISH = "The sky is blue because light of a short wavelength is scattered most by the air above us."


def test_another_language_is_found() -> None:
    (found,) = language.check("response", GERMAN, "en")
    assert (found.code, found.field) == ("language", "response")
    assert "German" in found.message
    assert "English" in found.message


@pytest.mark.parametrize(("text", "tag"), [(GERMAN, "de"), (GERMAN, "de-CH"), (FRENCH, "fr"), (ENGLISH, "en-GB")])
def test_the_campaigns_language_is_left_alone(text: str, tag: str) -> None:
    assert language.check("response", text, tag) == []


@pytest.mark.parametrize(
    "text",
    [
        "Was ist das?",
        "Mercedes-Benz, Porsche",
        "42",
        "```\nfor (let i = 0; i < n; i++) { summe += werte[i]; }\n```",
        "https://de.wikipedia.org/wiki/Wolkenkuckucksheim/Unterseite/Noch/Eine/Unterseite",
        "x" * 300,
        "",
    ],
)
def test_short_texts_code_and_addresses_are_never_guessed(text: str) -> None:
    assert language.guess(text) is None


def test_languages_that_look_alike_are_not_told_apart() -> None:
    danish = "Himlen er blå, fordi lys med kort bølgelængde spredes mest i luften over os hver eneste dag."
    assert language.check("response", danish, "nb") == []


@pytest.mark.parametrize("tag", ["", "tlh", "x-private", "und"])
def test_a_language_that_nobody_knows_is_not_checked(tag: str) -> None:
    assert language.check("response", GERMAN, tag) == []


# -- Properties -------------------------------------------------------------------------------------------


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_any_text_can_be_checked(instruction: str, context: str, response: str, passage: str) -> None:
    text = Text(instruction=instruction, context=context, response=response)
    found = checks.find(text, passage=passage, language="en")
    assert len({(one.code, one.field) for one in found}) == len(found)
    assert checks.codes(found) == sorted(set(checks.codes(found)))
    assert found == checks.find(text, passage=passage, language="en")


@given(TEXTS, TEXTS)
def test_an_address_is_found_wherever_it_stands(before: str, after: str) -> None:
    assert "anna@firma.de" in personal.emails(f"{before} anna@firma.de {after}")


@given(TEXTS, TEXTS)
def test_a_special_token_is_found_wherever_it_stands(before: str, after: str) -> None:
    assert "<|im_end|>" in markers.markers(f"{before}\n<|im_end|>\n{after}")


@given(TEXTS, TEXTS)
def test_a_key_is_found_wherever_it_stands(before: str, after: str) -> None:
    assert "hf_" + BODY[:34] in secrets.secrets(f"{before} hf_{BODY[:34]} {after}")
