"""`python -m gigascene`: the command line."""

from gigascene.cli import main

if __name__ == "__main__":
    main()
