"""What `alexcli` alone shows: the way in."""

from alexcli.cli.output import emit

ABOUT = "AlexNet as its paper describes it and as its authors ran it."

FIRST_COMMANDS = {
    "alexcli train": "a small AlexNet on embedded images",
    "alexcli eval --ten-crop": "its errors, over ten views as in the paper",
    "alexcli analyze filters --out .": "its first kernels, as in Figure 3",
    "alexcli analyze params": "the paper's net, counted layer by layer",
    "alexcli ablate lrn": "one claim of the paper, tested",
    "alexcli runs list": "what has been trained",
    "alexcli config list": "the available choices, as GROUP=CHOICE",
}
"""What to type first, in this order, and what it does."""

FURTHER = "alexcli --help lists every command, alexcli COMMAND --help its options."


def show_the_way() -> None:
    """Print the first commands, and where the others are."""
    width = max(map(len, FIRST_COMMANDS))
    lines = [f"  {typed:<{width}}  {about}" for typed, about in FIRST_COMMANDS.items()]
    emit("\n".join([ABOUT, "", *lines, "", FURTHER, ""]))
