"""A results folder as a page, tables and pictures: ``page`` (HTML), ``tables`` (CSV, terminal), ``pictures`` (PNG, SVG)."""
