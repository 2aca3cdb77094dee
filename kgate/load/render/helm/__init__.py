"""Helm charts, by way of a `helm` on PATH: it runs on a copy, in a child that is killed on a clock, and its output is traced back."""
