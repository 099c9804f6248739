"""Policy plug-ins, one file per outside library or server protocol."""
