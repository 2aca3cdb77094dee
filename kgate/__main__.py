"""`python -I -m kgate`; without -I, Python would first look for modules in the folder it runs in."""

from kgate.cli import main

main()
