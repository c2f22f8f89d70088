"""AlexNet as its paper describes it and as its authors ran it, from the command line."""

__version__ = "0.1.0"
