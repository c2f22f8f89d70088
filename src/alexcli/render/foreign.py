"""Text of others, such as names of classes and files, in the form that each output bears.

A name may hold control characters, with which a terminal changes its title or its colours, marks
that turn the direction of writing, bytes that are no text, or the signs of a table or a formula.
"""

import re
import unicodedata

DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that change the order in which others are shown."""
FORMULA = re.compile(r"[=+\-@\t\r]")
"""How a cell begins that a spreadsheet computes."""
MARKDOWN_SIGNS = re.compile(r"[\\`*_\[\]<>#|!&~]")
"""What means something within a line of Markdown."""
NUMBER = re.compile(r"[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


def printable(text: str, *, lines: bool = False) -> str:
    r"""Text without anything that a terminal obeys: an escape becomes the four characters \x1b.

    Args:
        text: of anybody.
        lines: whether ends of lines stay what they are.
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
    """A cell of a table in Markdown, whose bars are not those of the table."""
    return printable(text).replace("|", r"\|")


def markdown_prose(text: str) -> str:
    """Text between others in Markdown, which is neither a link, nor HTML, nor emphasis."""
    return MARKDOWN_SIGNS.sub(r"\\\g<0>", printable(text))


def latex(text: str) -> str:
    """A cell of a table in LaTeX, whose characters mean themselves."""
    text = printable(text).replace("\\", "\0")
    text = re.sub(r"[&%$#_{}]", r"\\\g<0>", text)
    text = text.replace("~", r"\textasciitilde{}").replace("^", r"\textasciicircum{}")
    return text.replace("\0", r"\textbackslash{}")


def csv_cell(value: object) -> object:
    """A cell of csv; text that a spreadsheet would compute begins with an apostrophe.

    Numbers stay what they are, also those in texts, and so does a lone dash.
    """
    if not isinstance(value, str):
        return value
    text = printable(value, lines=True)
    is_harmless = len(text) == 1 or NUMBER.fullmatch(text)
    return f"'{text}" if FORMULA.match(text) and not is_harmless else text
