#!/usr/bin/env python3
"""Drives the chat page in a real browser: `Tests/Browser/chat_page.py [--url URL] [--shots FOLDER]`.

Without --url it serves the page from a fake of the bridge and runs everything. With the address of a running
`chatbridge run` whose agent echoes, it runs what any bridge must do. Needs PyPI's playwright and a Chromium (Debian's
`chromium`, or CHROMIUM=path); where one is missing it says so and skips (exit 0). With axe-playwright-python installed,
the page is checked against its accessibility rules as well.
"""

import argparse
import os
import pathlib
import shutil
import sys
import time

import fake_bridge

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sys.exit(print("skipped: the Python package playwright is not installed") or 0)

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if not CHROMIUM:
    sys.exit(print("skipped: no Chromium found; install it, or set CHROMIUM to its path") or 0)


class Chat:
    """One browser window on the page."""

    def __init__(self, browser, url, **context):
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.url = url
        self.page.goto(url)

    def wait(self, condition, what, seconds=10):
        # wait_for_function needs eval, which the page's policy forbids: ask again and again instead.
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited {seconds} s for: {what}; page says: {self.text()!r}"
            time.sleep(0.03)

    def say(self, text, ends=True):
        self.page.fill("#input", text)
        self.page.press("#input", "Enter")
        if ends:
            self.wait(self.is_idle, "the end of the answer")

    def is_idle(self):
        return self.page.get_attribute("#send", "data-mode") == "send"

    def text(self):
        return self.page.inner_text("#messages")

    def answers(self):
        return [answer.inner_text() for answer in self.page.query_selector_all(".assistant .answer")]

    def close(self):
        self.context.close()


def test_an_answer_is_shown_and_survives_a_reload(chat):
    assert chat.page.is_visible("#empty")
    chat.say("hello there")
    assert "hello there" in chat.answers()[-1], chat.answers()
    assert not chat.page.is_visible("#empty")
    assert "hello there" in chat.page.inner_text("#announcer"), "a screen reader hears the answer"
    chat.wait(lambda: chat.page.inner_text("#connection") == "Connected", "the connection's state")
    chat.page.reload()
    assert "hello there" in chat.answers()[-1]


def test_a_new_conversation_is_empty_and_has_another_session(chat):
    chat.say("hello")
    before = chat.context.cookies()[0]
    assert before["name"] == "chatbridge_session" and before["httpOnly"] and before["sameSite"] == "Strict"
    chat.page.click("#new")
    chat.wait(lambda: chat.text() == "", "an empty conversation")
    assert chat.context.cookies()[0]["value"] != before["value"]
    assert chat.page.evaluate("document.activeElement.id") == "input"


def test_the_keyboard_alone_is_enough(chat):
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("two")
    chat.page.keyboard.press("Enter")
    chat.wait(lambda: chat.is_idle() and chat.answers(), "the answer")
    assert "one\ntwo" in chat.page.inner_text(".user .words")
    assert chat.page.input_value("#input") == ""


def test_text_is_never_markup(chat):
    chat.say("<img src=x onerror=alert(1)> **bold** <script>alert(1)</script>")
    assert chat.page.query_selector("#messages :is(img, script)") is None


def fake_test_markdown_becomes_elements(chat):
    chat.say("markdown")
    page = chat.page
    for selector in ["h3", "strong", "em", "code", "s", "ol > li > ul > li em", "blockquote", "table td code", "pre code", "hr"]:
        assert page.query_selector(f".answer {selector}"), selector
    links = page.eval_on_selector_all(".answer a", "links => links.map(a => a.href)")
    assert links == ["https://example.org/a_(b)", "https://example.org/x?y=1"], links
    assert page.eval_on_selector(".answer a", "a => a.rel") == "noopener noreferrer nofollow"
    text = page.inner_text(".answer")
    assert "snake_case_name and 2*3*4 stay" in text and "<img src=x" in text
    assert "U+202E" in text and "\u202e" not in text
    assert "☑ done" in text and "☐ open" in text, text
    page.click(".answer .fence button")
    chat.wait(lambda: page.inner_text(".answer .fence button") in ("Copied", "Not allowed"), "the copy button's answer")


def fake_test_hostile_markdown_takes_no_time(chat):
    begun = time.monotonic()
    chat.say("hostile", ends=False)
    chat.wait(lambda: chat.is_idle() and chat.answers()[-1].endswith("the end"), "the end", seconds=20)
    assert time.monotonic() - begun < 20


def fake_test_an_answer_can_be_stopped(chat):
    chat.say("slow", ends=False)
    chat.wait(lambda: "word3" in chat.text(), "some words")
    assert chat.page.get_attribute("#send", "aria-label") == "Stop the answer"
    chat.page.keyboard.press("Escape")
    chat.wait(chat.is_idle, "the stop")
    assert "stopped" in chat.text() and "word199" not in chat.text()
    chat.wait(lambda: fake_bridge.Handler.asked[-1]["closed"], "the server to notice")
    chat.say("next")
    assert "You said: next" in chat.answers()[-1]


def fake_test_a_reload_in_the_middle_keeps_what_was_there(chat):
    chat.say("slow again", ends=False)
    chat.wait(lambda: "word3" in chat.text(), "some words")
    chat.page.reload()
    assert "word3" in chat.text() and "before the answer was whole" in chat.text()


def fake_test_a_busy_server_is_asked_again_after_its_time(chat):
    chat.say("busy bee")
    assert "The server is busy." in chat.text()
    button = chat.page.query_selector(".problem button")
    assert button.is_disabled() and "Try again in" in button.inner_text()
    chat.wait(button.is_enabled, "the button")
    button.click()
    chat.wait(lambda: "You said: busy bee" in chat.text(), "the answer")
    assert chat.page.query_selector(".problem") is None and len(chat.page.query_selector_all(".user")) == 1


def fake_test_errors_say_what_happened(chat):
    for text, words in [("refuse this", "a word that nobody likes"), ("agent-error", "The agent is not well."),
                        ("break off", "The connection broke before the answer was whole.")]:
        chat.say(text)
        assert words in chat.text(), (text, chat.text())
    assert "Half an ans" in chat.text(), "what came is kept"
    chat.page.click(".message:last-child .problem button")
    chat.wait(lambda: chat.is_idle() and "broke" not in chat.page.inner_text(".message:last-child"), "the second try")
    chat.complaints[:] = [c for c in chat.complaints if "400" not in c]


def fake_test_a_server_that_is_away_is_told_and_comes_back(chat):
    chat.context.set_offline(True)
    chat.say("anyone?")
    assert "You are offline." in chat.text() or "cannot be reached" in chat.text(), chat.text()
    assert chat.page.get_attribute("#connection", "data-state") == "offline"
    chat.context.set_offline(False)
    chat.wait(lambda: chat.page.get_attribute("#connection", "data-state") == "online", "the connection")
    chat.page.click(".problem button")
    chat.wait(lambda: "You said: anyone?" in chat.text(), "the answer")
    chat.complaints.clear()


def fake_test_each_line_has_its_own_direction(chat):
    chat.say("rtl")
    aligned = chat.page.eval_on_selector_all(".answer > p", "list => list.map(p => getComputedStyle(p).direction)")
    assert aligned == ["rtl"], aligned


def test_the_page_is_accessible(chat):
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        return print("    (axe-playwright-python is not installed: rules not checked)")
    chat.say("markdown" if chat.is_fake else "hello")
    found = Axe().run(chat.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    assert found.violations_count == 0, found.generate_report()


def take_shots(browser, url, folder):
    """Pictures for the eye: phone and desktop, light and dark, an empty page, an answer, RTL, errors."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 800}}
    for name, size in sizes.items():
        for scheme in ("light", "dark"):
            chat = Chat(browser, url, viewport=size, color_scheme=scheme, has_touch=name == "phone",
                        is_mobile=name == "phone", device_scale_factor=1)
            shot = lambda what: chat.page.screenshot(path=folder / f"{name}-{scheme}-{what}.png")
            press = lambda text: (chat.page.fill("#input", text), chat.page.click("#send"))
            chat.wait(lambda: chat.page.inner_text("#connection") == "Connected", "the connection")
            shot("empty")
            press("markdown")
            chat.wait(chat.is_idle, "the end")
            shot("end")
            chat.page.evaluate("document.getElementById('scroller').scrollTop = 0")
            time.sleep(0.1)
            shot("start")
            if scheme == "light":
                chat.page.click("#new")
                chat.wait(lambda: chat.text() == "", "an empty page")
                for text in ("rtl שלום עולם", "busy now " + name, "refuse"):
                    press(text)
                    chat.wait(chat.is_idle, "the end")
                press("wait 60")
                time.sleep(0.4)
                shot("rtl-errors-waiting")
            chat.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a running bridge with the echo agent; default: a fake of it")
    parser.add_argument("--shots", type=pathlib.Path, help="only take screenshots into this folder (of the fake)")
    parser.add_argument("--only", default="", help="run the tests whose name holds this")
    options = parser.parse_args()
    url = options.url or f"http://127.0.0.1:{fake_bridge.start().server_port}/"
    prefixes = ("test_",) if options.url else ("test_", "fake_test_")
    tests = [(n, f) for n, f in globals().items() if n.startswith(prefixes) and options.only in n]
    failures = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        if options.shots:
            take_shots(browser, url, options.shots)
            return 0
        for name, test in tests:
            chat = Chat(browser, url)
            chat.is_fake = options.url is None
            try:
                test(chat)
                complaints = [c for c in chat.complaints if "503" not in c]
                assert not complaints, f"the browser complains: {complaints}"
                print(f"ok      {name.removeprefix('fake_')}", flush=True)
            except Exception as error:
                failures += 1
                print(f"FAILED  {name.removeprefix('fake_')}: {error}", flush=True)
            finally:
                chat.close()
        browser.close()
    print(f"{len(tests) - failures} of {len(tests)} passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
