"""Making untrusted text, such as names of classes and files, safe for each output.

A name may contain control characters that change a terminal's title or colours, marks that reverse
the direction of writing, bytes that are not text, or the syntax of a table or a formula.
"""

import re
import unicodedata

DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that change the order in which others are shown."""
FORMULA = re.compile(r"[=+\-@\t\r]")
"""Start of a cell that a spreadsheet would compute."""
MARKDOWN_SIGNS = re.compile(r"[\\`*_\[\]<>#|!&~]")
"""Characters with a meaning within a line of Markdown."""
NUMBER = r"[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?%?"
HARMLESS = re.compile(rf"{NUMBER}( [(A-Za-z±]((?!\w\()[^|!\"])*)?|.")
"""A number, and words or brackets after it, such as `-1 (-2 to +0.5) points`; or a lone character.

Nothing of it can be computed: it has no operator after the number, calls no function and names no
other program or sheet."""


def printable(text: str, *, lines: bool = False) -> str:
    r"""Text without control characters: an escape becomes the four characters \x1b.

    Args:
        text: untrusted text.
        lines: whether line breaks are kept.
    """
    return "".join(_printable(character, lines=lines) for character in text)


def _printable(character: str, *, lines: bool) -> str:
    if character == "\n" and lines:
        return character
    is_control = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    if is_control or DIRECTION_MARKS.match(character):
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


def markdown(text: str) -> str:
    """A cell of a Markdown table, with escaped bars."""
    return printable(text).replace("|", r"\|")


def markdown_prose(text: str) -> str:
    """Text within Markdown, escaped so that it is neither a link, nor HTML, nor emphasis."""
    return MARKDOWN_SIGNS.sub(r"\\\g<0>", printable(text))


def latex(text: str) -> str:
    """A cell of a LaTeX table, with special characters escaped."""
    text = printable(text).replace("\\", "\0")
    text = re.sub(r"[&%$#_{}]", r"\\\g<0>", text)
    text = text.replace("~", r"\textasciitilde{}").replace("^", r"\textasciicircum{}")
    return text.replace("\0", r"\textbackslash{}")


def csv_cell(value: object) -> object:
    """A cell of csv; text that a spreadsheet would compute begins with an apostrophe.

    Numbers are left unchanged, even as text with words after them, and so is a lone dash.
    """
    if not isinstance(value, str):
        return value
    text = printable(value, lines=True)
    return f"'{text}" if FORMULA.match(text) and not HARMLESS.fullmatch(text) else text
