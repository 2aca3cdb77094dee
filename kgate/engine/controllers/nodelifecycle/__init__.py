"""Watches over nodes and taints those that are not well."""
