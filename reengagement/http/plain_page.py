"""A page of our own beside the dashboard: one heading, a few words, a button."""

from __future__ import annotations

import html
from string import Template

from reengagement.words import Words

_PAGE = Template("""<!doctype html>
<html lang="$language">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 15vh auto; padding: 0 1.25rem; }
  h1 { font-size: 1.5rem; line-height: 1.25; }
  button { font: inherit; font-weight: 600; padding: .7rem 1.4rem; border: 0; border-radius: .5rem;
           color: #fff; background: #1f6f8b; cursor: pointer; }
  button:focus-visible { outline: 3px solid #d97706; outline-offset: 2px; }
  button:disabled { opacity: .5; cursor: default; }
</style>
<main>
<h1>$title</h1>
$content
</main>
</html>
""")


def page(words: Words, title: str, content: str) -> str:
    """Return the page in the language of `words`; `title` is text, `content` HTML that is ours."""
    return _PAGE.substitute(language=words.code, title=html.escape(title), content=content)


def policy(*more: str) -> dict[str, str]:
    """Return the header by which the page loads nothing from anywhere, but for what `more` allows."""
    closed = (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {"Content-Security-Policy": "; ".join([*closed, *more])}
