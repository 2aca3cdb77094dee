"""One plugin a file, each named as upstream names it. `profile` says which run, in which order, with which weight."""
