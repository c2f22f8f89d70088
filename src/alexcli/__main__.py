"""`python -m alexcli`."""

from alexcli.cli.main import main

if __name__ == "__main__":
    main()
