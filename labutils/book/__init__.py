"""Runs the chapters, judges their claims and assembles the site."""
