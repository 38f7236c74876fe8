"""JSON with comments and trailing commas, as editors keep their settings in."""

import re

# A string, a comment, or a comma with nothing but space and comments before the bracket that follows it. What is not
# closed ends with its line or the text: read to its end once, and not again from each of its characters.
_BLOCK = r"/\*(?>.*?(?:\*/|\Z))"
_TOKEN = re.compile(
    rf'"(?:\\.|[^"\\\n])*+"?|//[^\n]*|{_BLOCK}|,(?=(?:\s|//[^\n]*|{_BLOCK})*+[\]}}])|\t',
    re.DOTALL,
)


def plain_json(text: str) -> str:
    """Return the text as plain JSON: comments, trailing commas and tabs become spaces, so that places stay."""
    return _TOKEN.sub(_replaced, text)


def _replaced(match: re.Match[str]) -> str:
    token = match[0]
    return token if token.startswith('"') else re.sub(r"[^\n]", " ", token)
